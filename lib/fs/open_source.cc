#include "fs/open_source.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

namespace coppice {
namespace {

/// The kernel allows O_NOATIME to the owner and to CAP_FOWNER only.
OpenResult try_open_quietly_at(int dirfd, const char* name, int flags) {
  OpenResult result = try_open_at(dirfd, name, flags | O_NOATIME);
  return result.errno_value == EPERM ? try_open_at(dirfd, name, flags) : std::move(result);
}

/// Opens a file that someone holds a lease on, waiting until it is given back or the kernel takes
/// it away (after 45 s). The O_PATH descriptor makes sure that what is waited for is a regular file
/// and not a FIFO put in its place.
OpenResult try_open_leased_at(int dirfd, const char* name) {
  OpenResult pinned = try_open_at(dirfd, name, O_PATH | O_NOFOLLOW);
  if (!pinned.fd.is_open()) return pinned;
  if (stat_fd(pinned.fd.get()).type != FileType::regular) return {Fd(), EINVAL};
  const std::string path = "/proc/self/fd/" + std::to_string(pinned.fd.get());
  return try_open_quietly_at(AT_FDCWD, path.c_str(), O_RDONLY);
}

}  // namespace

OpenResult try_open_source_at(int dirfd, const char* name, FileType type) {
  if (type == FileType::directory) {
    return try_open_quietly_at(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  OpenResult result = try_open_quietly_at(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  return result.errno_value == EWOULDBLOCK ? try_open_leased_at(dirfd, name) : std::move(result);
}

SourceFile open_for_reading_at(int dirfd, const char* name) {
  OpenResult opened = try_open_source_at(dirfd, name, FileType::regular);
  if (!opened.fd.is_open()) throw call_error("open", name, opened.errno_value);
  Metadata metadata = stat_fd(opened.fd.get());
  if (metadata.type != FileType::regular) throw call_error("open", name, EINVAL);
  return {std::move(opened.fd), std::move(metadata)};
}

Fd open_directory_at(int dirfd, const char* name) {
  OpenResult opened = try_open_source_at(dirfd, name, FileType::directory);
  if (!opened.fd.is_open()) throw call_error("open", name, opened.errno_value);
  return std::move(opened.fd);
}

}  // namespace coppice
