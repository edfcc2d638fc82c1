#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "fs/metadata.h"

namespace coppice {

/// Where extended attributes are read from or set: hides that the kernel has three families of
/// calls for it, and (before Linux 6.13) none relative to a directory descriptor, for which
/// /proc/self/fd stands in.
class XattrTarget {
 public:
  /// An open regular file or directory.
  static XattrTarget of_descriptor(int fd);
  /// The entry itself, also if it is a symlink.
  static XattrTarget of_entry(int dirfd, const char* name);
  /// What an O_PATH descriptor pins, also if it is a symlink: nobody can swap it.
  static XattrTarget of_path_descriptor(int fd);

  // As the system calls: -1 and errno for failure.
  ssize_t list(char* out, std::size_t size) const;
  ssize_t get(const char* name, void* out, std::size_t size) const;
  int set(const char* name, ByteView value) const;
  int remove(const char* name) const;

 private:
  enum class Way { descriptor, entry, followed };
  XattrTarget(Way way, int fd, std::string path) : way_(way), fd_(fd), path_(std::move(path)) {}

  Way way_;
  int fd_;
  std::string path_;
};

/// The names of all attributes, in no order, each content under one name only; empty where the file
/// system (or /proc) has none. Any other failure adds the problem "xattrs".
std::vector<std::string> list_xattrs(const XattrTarget& target, MetadataProblems& problems);
/// All attributes, sorted by name. One call when there are none. One that cannot be read adds a
/// problem "xattr NAME".
std::vector<Xattr> read_xattrs(const XattrTarget& target, MetadataProblems& problems);

/// False without the right (CAP_SYS_ADMIN) to see attributes trusted.*, which the kernel then hides
/// without a word.
bool sees_trusted_xattrs();

}  // namespace coppice
