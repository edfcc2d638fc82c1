#include "fs/scratch_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.h"

namespace coppice {

std::string scratch_directory() {
  const char* wanted = std::getenv("TMPDIR");
  return wanted != nullptr && wanted[0] == '/' ? wanted : "/var/tmp";
}

Fd create_scratch_file(const std::string& directory) {
  OpenResult nameless = try_open_at(AT_FDCWD, directory.c_str(), O_TMPFILE | O_RDWR, 0600);
  // NFS and some FUSE file systems have no nameless files.
  if (nameless.errno_value != EOPNOTSUPP && nameless.errno_value != EISDIR) {
    if (nameless.errno_value != 0)
      throw call_error("scratch file in", directory.c_str(), nameless.errno_value);
    return std::move(nameless.fd);
  }
  std::string name = directory + "/coppice-XXXXXX";
  Fd fd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd.is_open()) throw call_error("scratch file in", directory.c_str(), errno);
  unlink(name.c_str());
  return fd;
}

Fd write_scratch_file(const std::function<void(const Fd&)>& write) {
  try {
    Fd on_disk = create_scratch_file();
    write(on_disk);
    return on_disk;
  } catch (const Error&) {  // once more elsewhere: whatever is wrong with `write` comes out there
    Fd in_memory(memfd_create("coppice-scratch", MFD_CLOEXEC));
    if (!in_memory.is_open()) throw system_error("memfd_create", errno);
    write(in_memory);
    return in_memory;
  }
}

void resize_file(const Fd& file, std::uint64_t size) {
  if (ftruncate(file.get(), static_cast<off_t>(size)) != 0) throw system_error("ftruncate", errno);
}

MappedFile::MappedFile(const Fd& fd, std::size_t size) : size_(size) {
  if (size == 0) return;
  start_ = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (start_ == MAP_FAILED) throw system_error("mmap", errno);
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(start_, size_);
}

void MappedFile::let_go() const {
  if (size_ > 0) madvise(start_, size_, MADV_DONTNEED);
}

RegionWriter::RegionWriter(const Fd& fd, std::uint64_t offset, std::size_t buffer_bytes)
    : fd_(fd), offset_(offset), limit_(buffer_bytes) {
  buffer_.reserve(limit_);
}

void RegionWriter::append(ByteView bytes) {
  if (buffer_.size() + bytes.size() > limit_) flush();
  if (bytes.size() >= limit_) {
    write_at(fd_.get(), bytes, offset_);
    offset_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void RegionWriter::flush() {
  write_at(fd_.get(), buffer_, offset_);
  offset_ += buffer_.size();
  buffer_.clear();
}

}  // namespace coppice
