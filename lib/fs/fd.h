#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace coppice {

/// Owns one file descriptor and closes it. Not thread-safe; the number may be used by any thread
/// while this lives.
class Fd {
 public:
  Fd() = default;
  /// Takes ownership of `fd`; -1 for none.
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(-1); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Gives ownership away.
  int release() { return std::exchange(fd_, -1); }
  /// Closes now and throws what the destructor would have to swallow (EIO, ENOSPC on network file
  /// systems).
  void close();

 private:
  void reset(int fd) noexcept;

  int fd_ = -1;
};

/// The result of an open whose failure the caller expects: either `fd` is open or `errno_value` is
/// not 0.
struct OpenResult {
  Fd fd;
  int errno_value = 0;
};

/// Error for a failed call on a directory entry: "open a\nb: Permission denied"; the name is
/// escaped for display.
Error call_error(std::string_view call, const char* name, int errno_value);

/// openat(2) with O_CLOEXEC added; retries EINTR. `dirfd` may be AT_FDCWD. Throws call_error.
Fd open_at(int dirfd, const char* name, int flags, mode_t mode = 0);
/// The same, with the error number by value.
OpenResult try_open_at(int dirfd, const char* name, int flags, mode_t mode = 0);

/// Fills `out` from `offset` with pread(2) and returns the bytes read: fewer than asked for only at
/// the end of the file. Leaves the file position alone, so threads may share the descriptor. Throws
/// system_error.
std::size_t read_at(int fd, MutableByteView out, std::uint64_t offset);
/// The same from the start of the file, but ends as soon as `enough` bytes are read: the call that
/// would only find the end is not made. Requires `out` to be larger than `enough`.
std::size_t read_enough(int fd, MutableByteView out, std::size_t enough);
/// Writes all of `bytes` at `offset` with pwrite(2). Nothing is durable before sync_to_disk. Throws
/// system_error.
void write_at(int fd, ByteView bytes, std::uint64_t offset);
/// Fills `out` from the file position with read(2), also from pipes; fewer bytes only at the end of
/// the input. Requires a blocking descriptor. Throws system_error.
std::size_t read_up_to(int fd, MutableByteView out);

/// fsync(2). False if the file system cannot do it for this kind of file (EINVAL, ENOSYS,
/// EOPNOTSUPP). Throws system_error for every other failure: then the kernel may have dropped the
/// dirty pages, so a second fsync that returns 0 proves nothing and the file must be written anew.
bool sync_to_disk(int fd);

}  // namespace coppice
