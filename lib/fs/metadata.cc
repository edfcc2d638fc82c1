#include "fs/metadata.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "fs/fd.h"
#include "fs/inode_flags.h"
#include "fs/open_source.h"
#include "fs/xattr.h"

namespace coppice {
namespace {

// Both masks are spelled as numbers in the header, because linux/fs.h in a header clashes with
// sys/mount.h.
static_assert(kRestorableFlags ==
              (FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL |
               FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_NOCOMP_FL | FS_JOURNAL_DATA_FL |
               FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_NOCOW_FL | FS_DAX_FL |
               FS_PROJINHERIT_FL | FS_CASEFOLD_FL));
static_assert(kCreationFlags ==
              (FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL | FS_DAX_FL | FS_CASEFOLD_FL));

constexpr std::uint64_t kAllocationUnit =
    512;  // of stx_blocks, whatever the file system's block size is

Timestamp to_timestamp(const statx_timestamp& time) { return {time.tv_sec, time.tv_nsec}; }

std::uint64_t device_number(std::uint32_t major, std::uint32_t minor) {
  return static_cast<std::uint64_t>(major) << 32U | minor;
}

/// False for a type that Linux does not have today.
bool to_file_type(std::uint32_t mode, FileType& type) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      type = FileType::regular;
      return true;
    case S_IFDIR:
      type = FileType::directory;
      return true;
    case S_IFLNK:
      type = FileType::symlink;
      return true;
    case S_IFIFO:
      type = FileType::fifo;
      return true;
    case S_IFSOCK:
      type = FileType::socket;
      return true;
    case S_IFCHR:
      type = FileType::char_device;
      return true;
    case S_IFBLK:
      type = FileType::block_device;
      return true;
    default:
      return false;
  }
}

/// Returns 0 or the error number.
int stat_entry(int dirfd, const char* name, int flags, Metadata& out) {
  struct statx
      s;  // filled by the call; clearing its 256 bytes first would be wasted on every entry
  if (::statx(dirfd, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME, &s) != 0) {
    return errno;
  }
  if (!to_file_type(s.stx_mode, out.type)) return EOPNOTSUPP;
  out.mode = s.stx_mode & 07777U;
  out.uid = s.stx_uid;
  out.gid = s.stx_gid;
  out.size = s.stx_size;
  out.allocated = s.stx_blocks * kAllocationUnit;
  out.inode = s.stx_ino;
  out.device = device_number(s.stx_dev_major, s.stx_dev_minor);
  out.links = s.stx_nlink;
  out.is_mount_root = (s.stx_attributes & s.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
  const bool is_device = out.type == FileType::char_device || out.type == FileType::block_device;
  if (is_device) out.rdev = device_number(s.stx_rdev_major, s.stx_rdev_minor);
  out.mtime = to_timestamp(s.stx_mtime);
  out.ctime = to_timestamp(s.stx_ctime);
  out.atime = to_timestamp(s.stx_atime);
  if ((s.stx_mask & STATX_BTIME) != 0) out.birth_time = to_timestamp(s.stx_btime);
  return 0;
}

/// A result that fills the buffer may have been cut, so it is asked for again with a larger one.
std::string read_link_at(int dirfd, const char* name, std::uint64_t expected_size) {
  constexpr std::uint64_t kLargestFirst = 65536;  // stat's size is only a hint: /proc tells 0 or 64
  std::string target(static_cast<std::size_t>(std::min(expected_size, kLargestFirst)) + 64, '\0');
  for (;;) {
    const ssize_t size = ::readlinkat(dirfd, name, target.data(), target.size());
    if (size < 0) throw call_error("read link", name, errno);
    if (static_cast<std::size_t>(size) < target.size()) {
      target.resize(static_cast<std::size_t>(size));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

}  // namespace

Metadata stat_at(int dirfd, const char* name) {
  Metadata metadata;
  if (const int error = stat_entry(dirfd, name, 0, metadata)) throw call_error("stat", name, error);
  return metadata;
}

std::optional<Metadata> try_stat_at(int dirfd, const char* name) {
  std::optional<Metadata> metadata(std::in_place);
  const int error = stat_entry(dirfd, name, 0, *metadata);
  if (error == ENOENT) {
    metadata.reset();
  } else if (error != 0) {
    throw call_error("stat", name, error);
  }
  return metadata;
}

Metadata stat_fd(int fd) {
  Metadata metadata;
  if (const int error = stat_entry(fd, "", AT_EMPTY_PATH, metadata))
    throw system_error("stat", error);
  return metadata;
}

bool has_nodump_flag(int dirfd, const char* name) {
  struct statx s;
  // Attributes are told whatever fields are asked for, so none are.
  if (::statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &s) != 0) return false;
  return (s.stx_attributes & s.stx_attributes_mask & STATX_ATTR_NODUMP) != 0;
}

MetadataProblems read_extended(int fd, Metadata& metadata) {
  MetadataProblems problems;
  metadata.xattrs = read_xattrs(XattrTarget::of_descriptor(fd), problems);
  metadata.flags = read_inode_flags(fd, problems) & kRestorableFlags;
  metadata.project_id = read_project_id(fd, problems);
  return problems;
}

MetadataProblems read_extended(int dirfd, const char* name, Metadata& metadata) {
  MetadataProblems problems;
  if (metadata.type == FileType::regular || metadata.type == FileType::directory) {
    const OpenResult opened = try_open_source_at(dirfd, name, metadata.type);
    if (opened.fd.is_open()) return read_extended(opened.fd.get(), metadata);
    problems.push_back({"flags", opened.errno_value});
  }
  if (metadata.type == FileType::symlink) {
    metadata.symlink_target = read_link_at(dirfd, name, metadata.size);
  }
  metadata.xattrs = read_xattrs(XattrTarget::of_entry(dirfd, name), problems);
  return problems;
}

}  // namespace coppice
