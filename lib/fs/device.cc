#include "fs/device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <string>

namespace coppice {
namespace {

bool is_device(const Metadata& metadata) {
  return metadata.type == FileType::block_device || metadata.type == FileType::char_device;
}

/// By way of /proc the very entry is opened that was looked at.
OpenResult try_open_pinned(const Fd& pinned, int flags) {
  return try_open_at(AT_FDCWD, ("/proc/self/fd/" + std::to_string(pinned.get())).c_str(), flags);
}

}  // namespace

std::optional<std::uint64_t> device_size(int fd) {
  if (stat_fd(fd).type != FileType::block_device) return std::nullopt;
  std::uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) != 0) throw system_error("ask a device for its size", errno);
  return size;
}

std::optional<Metadata> try_stat_device_at(int dirfd, const char* name) {
  const OpenResult pinned = try_open_at(dirfd, name, O_PATH);
  if (!pinned.fd.is_open()) return std::nullopt;
  Metadata metadata = stat_fd(pinned.fd.get());
  if (!is_device(metadata)) return std::nullopt;
  if (metadata.type == FileType::block_device) {
    // Opening a character device may do something (a tape rewinds, a line is taken off the hook).
    const OpenResult opened = try_open_pinned(pinned.fd, O_RDONLY | O_NONBLOCK);
    if (opened.fd.is_open()) metadata.size = device_size(opened.fd.get()).value_or(0);
  }
  return metadata;
}

OpenResult try_open_device_at(int dirfd, const char* name) {
  OpenResult pinned = try_open_at(dirfd, name, O_PATH);
  if (!pinned.fd.is_open()) return pinned;
  if (!is_device(stat_fd(pinned.fd.get()))) return {Fd(), EINVAL};
  return try_open_pinned(pinned.fd, O_RDONLY | O_NOCTTY);
}

}  // namespace coppice
