#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace coppice {

/// The numbers are those of docs/format.md.
enum class FileType : std::uint8_t {
  regular = 1,
  directory = 2,
  symlink = 3,
  fifo = 4,
  socket = 5,
  char_device = 6,
  block_device = 7,
};

/// An extended attribute as the kernel hands it out. POSIX ACLs are the attributes
/// system.posix_acl_access and system.posix_acl_default with the kernel's little-endian value; file
/// capabilities are security.capability.
struct Xattr {
  std::string name;
  Bytes value;

  bool operator==(const Xattr&) const = default;
};

/// The bits of FS_IOC_GETFLAGS that are recorded and set again: those a user chose (chattr letters
/// s u c S i a d A m j t D T C P x F). Left out is what tells of the file system's own layout or
/// cannot be set on a restored file: extents (e), indexed (I), huge (h), inline data (N), encrypted
/// (E), verity (V).
inline constexpr std::uint32_t kRestorableFlags = 0x62'83'C4'FF;
/// Of these the ones that only work, or only work fully, when set on an empty file or directory:
/// compress (c), do not compress (m), no copy-on-write (C), DAX (x), case-insensitive (F). See
/// apply_creation_flags.
inline constexpr std::uint32_t kCreationFlags = 0x42'80'04'04;

/// All that a node records of an entry apart from its name and content, and what the walk needs
/// beside it.
struct Metadata {
  FileType type = FileType::regular;
  std::uint32_t mode = 0;  ///< the 12 permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;  ///< bytes, as stat tells
  std::uint64_t allocated =
      0;  ///< bytes on disk; below `size` if there are holes (or the file is stored compressed)
  std::uint64_t inode = 0;
  std::uint64_t device = 0;  ///< of the file system: major << 32 | minor
  std::uint32_t links = 0;
  /// Something is mounted right here, be it a bind mount of the same file system. Never true on
  /// kernels before 5.8, which do not tell.
  bool is_mount_root = false;
  std::uint64_t rdev = 0;  ///< of a device node: major << 32 | minor
  Timestamp mtime;
  Timestamp ctime;
  Timestamp atime;
  std::optional<Timestamp>
      birth_time;  ///< none where the file system keeps none; nothing can set it again

  // From here on filled by read_extended only.
  std::uint32_t flags = 0;  ///< within kRestorableFlags; regular files and directories only
  std::optional<std::uint32_t>
      project_id;  ///< quota project; none for the default project 0 or where there are none
  std::vector<Xattr> xattrs;   ///< sorted by name
  std::string symlink_target;  ///< of symlinks only

  bool operator==(const Metadata&) const = default;
};

/// Something about an entry that could not be read or set, while the rest was.
struct MetadataProblem {
  std::string what;  ///< "owner", "mode", "setuid", "setgid", "xattrs", "xattr user.x", "project",
                     ///< "times", "parts of a second", "flags"
  int errno_value = 0;
};
using MetadataProblems = std::vector<MetadataProblem>;

/// One statx(2) of the entry itself: never follows a symlink, never triggers an automount, opens
/// nothing. Throws call_error.
Metadata stat_at(int dirfd, const char* name);
/// The same, but nothing for ENOENT.
std::optional<Metadata> try_stat_at(int dirfd, const char* name);
/// The same for what a descriptor refers to (O_PATH will do).
Metadata stat_fd(int fd);
/// One statx(2): true if the entry itself carries the "no dump" flag (chattr +d). Never follows a
/// symlink, opens nothing. False also where the file system does not tell the flag and if the call
/// fails: what reads the entry next reports that.
bool has_nodump_flag(int dirfd, const char* name);

/// Reads what statx does not tell about an open regular file or directory: xattrs, flags, project
/// id; three cheap calls when there is none. Kinds that the file system does not have stay empty.
/// What exists but could not be read is returned, for the caller to report. Requires metadata.type
/// to be set by stat_fd or stat_at.
[[nodiscard]] MetadataProblems read_extended(int fd, Metadata& metadata);
/// The same by name, for all types: symlinks also get their target; symlinks, FIFOs, sockets and
/// devices are never opened, and their xattrs stay empty when /proc is not mounted; regular files
/// and directories are opened for it, so use the descriptor instead where there is one. Throws
/// call_error if a symlink's target cannot be read.
[[nodiscard]] MetadataProblems read_extended(int dirfd, const char* name, Metadata& metadata);

}  // namespace coppice
