#include "fs/inode_flags.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace coppice {
namespace {

constexpr std::uint32_t kProtectingFlags = FS_IMMUTABLE_FL | FS_APPEND_FL;

/// Whether an ioctl's failure says that the file system does not know it.
bool means_unknown(int errno_value) {
  return errno_value == ENOTTY || errno_value == EOPNOTSUPP || errno_value == EINVAL ||
         errno_value == ENOSYS;
}

// The requests are declared with `long`, but the kernel reads and writes an int.
int get_flags(int fd, std::uint32_t& flags) {
  return ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 ? 0 : errno;
}
int set_flags(int fd, std::uint32_t flags) {
  return ::ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0 ? 0 : errno;
}

/// Flips the bits of `changes` one by one, as a single one that the file system does not know
/// refuses them all. Returns the last error, or 0.
int flip_one_by_one(int fd, std::uint32_t changes) {
  std::uint32_t flags = 0;
  int last_error = get_flags(fd, flags);
  // The protecting ones last: behind them nothing else can be changed.
  for (const std::uint32_t group : {~kProtectingFlags, kProtectingFlags}) {
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1U) {
      if ((changes & group & bit) == 0) continue;
      if (const int error = set_flags(fd, flags ^ (changes & bit))) {
        last_error = error;
      } else {
        flags ^= bit;
      }
    }
  }
  return last_error;
}

}  // namespace

std::uint32_t read_inode_flags(int fd, MetadataProblems& problems) {
  std::uint32_t flags = 0;
  const int error = get_flags(fd, flags);
  if (error == 0) return flags;
  if (!means_unknown(error)) problems.push_back({"flags", error});
  return 0;
}

std::optional<std::uint32_t> read_project_id(int fd, MetadataProblems& problems) {
  fsxattr attributes{};
  if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) {
    if (!means_unknown(errno)) problems.push_back({"project", errno});
    return std::nullopt;
  }
  if (attributes.fsx_projid == 0) return std::nullopt;
  return attributes.fsx_projid;
}

void set_inode_flags(int fd, std::uint32_t flags, MetadataProblems& problems) {
  std::uint32_t before = 0;
  if (const int error = get_flags(fd, before)) {
    if (flags != 0 || !means_unknown(error)) problems.push_back({"flags", error});
    return;
  }
  const std::uint32_t changes = (before ^ flags) & kRestorableFlags;
  if (changes == 0) return;
  int error = set_flags(fd, before ^ changes);
  if (error != 0) error = flip_one_by_one(fd, changes);
  // File systems also drop bits in silence, so what was asked for is compared with what is there.
  std::uint32_t after = 0;
  if (error == 0 && (get_flags(fd, after) != 0 || ((after ^ flags) & kRestorableFlags) != 0)) {
    error = EOPNOTSUPP;
  }
  if (error != 0) problems.push_back({"flags", error});
}

void set_project_id(int fd, std::optional<std::uint32_t> project_id, MetadataProblems& problems) {
  const std::uint32_t wanted = project_id.value_or(0);
  fsxattr attributes{};
  if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) {
    if (wanted != 0 || !means_unknown(errno)) problems.push_back({"project", errno});
    return;
  }
  if (attributes.fsx_projid == wanted) return;
  attributes.fsx_projid = wanted;
  if (::ioctl(fd, FS_IOC_FSSETXATTR, &attributes) != 0) problems.push_back({"project", errno});
}

void apply_creation_flags(int fd, const Metadata& metadata) {
  const std::uint32_t wanted = metadata.flags & kCreationFlags;
  std::uint32_t flags = 0;
  if (wanted == 0 || get_flags(fd, flags) != 0) return;
  if (set_flags(fd, flags | wanted) != 0) flip_one_by_one(fd, wanted & ~flags);
}

int clear_protecting_flags(int fd) {
  std::uint32_t flags = 0;
  if (get_flags(fd, flags) != 0 || (flags & kProtectingFlags) == 0) return 0;
  return set_flags(fd, flags & ~kProtectingFlags);
}

}  // namespace coppice
