#include "fs/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/text.h"

namespace coppice {
namespace {

/// Calls `transfer(done)` until `size` bytes are done or it returns 0; returns the bytes done.
template <typename Transfer>
std::size_t transfer_all(std::string_view call, std::size_t size, const Transfer& transfer) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = transfer(done);
    if (count < 0) {
      if (errno == EINTR) continue;
      throw system_error(call, errno);
    }
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace

void Fd::close() {
  const int fd = release();
  if (fd < 0) return;
  // Linux frees the descriptor even when it answers EINTR; calling again could close another
  // thread's new file.
  if (::close(fd) != 0 && errno != EINTR) throw system_error("close", errno);
}

void Fd::reset(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Error call_error(std::string_view call, const char* name, int errno_value) {
  return system_error(std::string(call) + " " + escape_for_display(name), errno_value);
}

OpenResult try_open_at(int dirfd, const char* name, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::openat(dirfd, name, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  const int errno_value = fd < 0 ? errno : 0;
  return {Fd(fd), errno_value};
}

Fd open_at(int dirfd, const char* name, int flags, mode_t mode) {
  OpenResult result = try_open_at(dirfd, name, flags, mode);
  if (!result.fd.is_open()) throw call_error("open", name, result.errno_value);
  return std::move(result.fd);
}

std::size_t read_at(int fd, MutableByteView out, std::uint64_t offset) {
  return transfer_all("read", out.size(), [&](std::size_t done) {
    return ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
  });
}

std::size_t read_enough(int fd, MutableByteView out, std::size_t enough) {
  return transfer_all("read", std::max<std::size_t>(enough, 1), [&](std::size_t done) {
    return ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(done));
  });
}

void write_at(int fd, ByteView bytes, std::uint64_t offset) {
  const std::size_t done = transfer_all("write", bytes.size(), [&](std::size_t from) {
    return ::pwrite(fd, bytes.data() + from, bytes.size() - from,
                    static_cast<off_t>(offset + from));
  });
  // POSIX lets a write of more than 0 bytes return 0 on odd devices; going on would spin for ever.
  if (done != bytes.size()) throw system_error("write", EIO);
}

std::size_t read_up_to(int fd, MutableByteView out) {
  return transfer_all("read", out.size(), [&](std::size_t done) {
    return ::read(fd, out.data() + done, out.size() - done);
  });
}

bool sync_to_disk(int fd) {
  int result = 0;
  do {
    result = ::fsync(fd);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return false;
  throw system_error("fsync", errno);
}

}  // namespace coppice
