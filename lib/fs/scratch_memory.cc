#include "fs/scratch_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

namespace coppice {
namespace {

Fd make_scratch_file() {
  const char* chosen = std::getenv("TMPDIR");
  const bool is_chosen = chosen != nullptr && *chosen != '\0';
  return open_nameless_file(is_chosen ? chosen : "/var/tmp").fd;
}

}  // namespace

OpenResult open_nameless_file(const char* directory) {
  OpenResult made = try_open_at(AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_EXCL, 0600);
  if (made.errno_value != EOPNOTSUPP && made.errno_value != EISDIR && made.errno_value != EINVAL)
    return made;
  std::string name = std::string(directory) + "/.coppice-scratch-XXXXXX";
  made.fd = Fd(::mkostemp(name.data(), O_CLOEXEC));
  made.errno_value = made.fd.is_open() ? 0 : errno;
  if (made.fd.is_open()) ::unlink(name.c_str());
  return made;
}

void ScratchMemory::reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  if (bytes > heap_bytes_ && grow_file(bytes)) return;
  grow_heap(bytes);
}

bool ScratchMemory::grow_file(std::size_t bytes) {
  if (is_file_refused_) return false;
  Fd fresh = file_.is_open() ? Fd() : make_scratch_file();
  const int fd = file_.is_open() ? file_.get() : fresh.get();
  is_file_refused_ = fd < 0 || ::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) != 0;
  if (is_file_refused_) return false;
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  is_file_refused_ = mapped == MAP_FAILED;
  if (is_file_refused_) return false;
  if (file_.is_open()) {  // the same pages, at another place
    ::munmap(mapped_, capacity_);
  } else {
    if (capacity_ > 0) std::memcpy(mapped, heap_.get(), capacity_);
    heap_.reset();
    file_ = std::move(fresh);
  }
  mapped_ = mapped;
  capacity_ = bytes;
  return true;
}

void ScratchMemory::grow_heap(std::size_t bytes) {
  auto room = std::make_unique_for_overwrite<std::byte[]>(bytes);
  if (capacity_ > 0) std::memcpy(room.get(), data(), capacity_);
  unmap();
  heap_ = std::move(room);
  capacity_ = bytes;
}

void ScratchMemory::unmap() noexcept {
  if (mapped_ != nullptr) ::munmap(std::exchange(mapped_, nullptr), capacity_);
  file_ = Fd();
}

void ScratchMemory::swap(ScratchMemory& other) noexcept {
  std::swap(heap_bytes_, other.heap_bytes_);
  std::swap(is_file_refused_, other.is_file_refused_);
  std::swap(file_, other.file_);
  std::swap(mapped_, other.mapped_);
  std::swap(heap_, other.heap_);
  std::swap(capacity_, other.capacity_);
}

}  // namespace coppice
