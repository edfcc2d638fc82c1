#pragma once
#include <cstdint>
#include <optional>

namespace coppice {

/// Room on a file system for ordinary users (root's reserve is not counted). Unknown where the file
/// system does not tell: btrfs has no fixed number of inodes, a tmpfs without limit tells neither.
struct FreeSpace {
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> inodes;
};

/// All of these take any descriptor on the file system (O_PATH will do) and throw system_error if
/// fstatfs(2) fails.

/// True for file systems whose files are the kernel's own words (proc, sysfs, cgroup …), which no
/// backup wants. tmpfs, ramfs and devtmpfs, which is a tmpfs by its magic, hold real entries and
/// are none of them.
bool is_pseudo_file_system(int fd);

/// False where an inode number may change while the file does not, so that change detection must
/// not look at it: FUSE, network file systems, FAT, overlayfs.
bool has_stable_inodes(int fd);

/// False where SEEK_HOLE may call everything data, so that holes have to be looked for as runs of
/// zeros: FUSE, FAT and most network file systems.
bool tells_holes(int fd);

FreeSpace free_space(int fd);

}  // namespace coppice
