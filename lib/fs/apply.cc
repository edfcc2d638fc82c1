#include "fs/apply.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "fs/fd.h"
#include "fs/inode_flags.h"
#include "fs/xattr.h"

namespace coppice {
namespace {

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// ACLs must follow the mode, which they extend; capabilities must follow the owner, whose change
/// drops them.
bool comes_after_mode(std::string_view name) {
  return starts_with(name, "system.posix_acl_") || name == "security.capability";
}

/// Whether an attribute that was not recorded is taken away. Others belong to the system (labels
/// that it puts on every file) or are views of something else (btrfs.compression, system.nfs4_acl).
bool is_removable(std::string_view name) {
  return starts_with(name, "user.") || starts_with(name, "trusted.") || comes_after_mode(name);
}

/// Sets one entry's metadata through one descriptor, in the order of apply.h.
class Applier {
 public:
  enum class Kind { opened, path_only };

  Applier(int fd, Kind kind, const Metadata& wanted)
      : fd_(fd),
        kind_(kind),
        wanted_(wanted),
        xattr_target_(kind == Kind::opened ? XattrTarget::of_descriptor(fd)
                                           : XattrTarget::of_path_descriptor(fd)),
        current_(stat_fd(fd)) {}

  const Metadata& current() const { return current_; }

  MetadataProblems run(const ApplyOptions& options) {
    const bool has_flags = kind_ == Kind::opened;
    // If this fails, so will what it would have allowed, and is reported there.
    if (has_flags) clear_protecting_flags(fd_);
    if (options.owner) set_owner();
    if (options.xattrs) {
      remove_unwanted_xattrs();
      set_xattrs(false);
    }
    if (wanted_.type != FileType::symlink) set_mode();
    if (options.xattrs) set_xattrs(true);
    if (has_flags && options.flags) set_project_id(fd_, wanted_.project_id, problems_);
    if (options.times) set_times();
    if (has_flags && options.flags) set_inode_flags(fd_, wanted_.flags, problems_);
    return std::move(problems_);
  }

 private:
  void set_owner();
  void set_mode();
  /// The mode to set: without the set-id bits that would go to the wrong owner.
  std::uint32_t safe_mode();
  int change_mode(std::uint32_t mode);
  void remove_unwanted_xattrs();
  void set_xattrs(bool after_mode);
  int set_xattr(const Xattr& xattr);
  void set_times();
  void check_times();

  void problem(std::string what, int errno_value) {
    problems_.push_back({std::move(what), errno_value});
  }

  int fd_;
  Kind kind_;
  const Metadata& wanted_;
  XattrTarget xattr_target_;
  Metadata current_;  // owner and mode as they are now
  bool owner_changed_ = false;
  MetadataProblems problems_;
};

void Applier::set_owner() {
  constexpr uid_t kKeepUser = static_cast<uid_t>(-1);
  if (current_.uid == wanted_.uid && current_.gid == wanted_.gid) return;
  owner_changed_ = true;
  if (::fchownat(fd_, "", wanted_.uid, wanted_.gid, AT_EMPTY_PATH) == 0) {
    current_.uid = wanted_.uid;
    current_.gid = wanted_.gid;
    return;
  }
  problem("owner", errno);
  // Without root the group alone may still be one of the caller's.
  if (::fchownat(fd_, "", kKeepUser, wanted_.gid, AT_EMPTY_PATH) == 0) current_.gid = wanted_.gid;
}

std::uint32_t Applier::safe_mode() {
  std::uint32_t mode = wanted_.mode & 07777U;
  if (wanted_.type == FileType::directory) return mode;  // there the bits only pass the group on
  if ((mode & S_ISUID) != 0 && current_.uid != wanted_.uid) {
    mode &= ~static_cast<std::uint32_t>(S_ISUID);
    problem("setuid", EPERM);
  }
  if ((mode & S_ISGID) != 0 && current_.gid != wanted_.gid) {
    mode &= ~static_cast<std::uint32_t>(S_ISGID);
    problem("setgid", EPERM);
  }
  return mode;
}

int Applier::change_mode(std::uint32_t mode) {
  if (kind_ == Kind::opened) return ::fchmod(fd_, mode);
  // fchmod refuses O_PATH descriptors; the link in /proc leads to the same pinned inode.
  return ::chmod(("/proc/self/fd/" + std::to_string(fd_)).c_str(), mode);
}

void Applier::set_mode() {
  const std::uint32_t mode = safe_mode();
  // A change of the owner has dropped the set-id bits.
  if (mode == current_.mode && !owner_changed_) return;
  if (change_mode(mode) != 0) problem("mode", errno);
}

void Applier::remove_unwanted_xattrs() {
  for (const std::string& name : list_xattrs(xattr_target_, problems_)) {
    const auto same_name = [&](const Xattr& xattr) { return xattr.name == name; };
    if (!is_removable(name) ||
        std::any_of(wanted_.xattrs.begin(), wanted_.xattrs.end(), same_name)) {
      continue;
    }
    const int error = xattr_target_.remove(name.c_str()) == 0 ? 0 : errno;
    if (error != 0 && error != ENODATA) problem("xattr " + name, error);
  }
}

int Applier::set_xattr(const Xattr& xattr) {
  return xattr_target_.set(xattr.name.c_str(), xattr.value) == 0 ? 0 : errno;
}

void Applier::set_xattrs(bool after_mode) {
  for (const Xattr& xattr : wanted_.xattrs) {
    if (comes_after_mode(xattr.name) != after_mode) continue;
    int error = set_xattr(xattr);
    // user.* needs write permission by mode, even through a descriptor: an existing read-only file
    // of ours refuses.
    if (error == EACCES && !after_mode && (current_.mode & S_IWUSR) == 0 &&
        change_mode(S_IRWXU) == 0) {
      current_.mode = S_IRWXU;
      error = set_xattr(xattr);
    }
    if (error != 0) problem("xattr " + xattr.name, error);
  }
}

void Applier::set_times() {
  const auto to_timespec = [](const Timestamp& time) {
    return timespec{static_cast<time_t>(time.seconds), static_cast<long>(time.nanoseconds)};
  };
  // Above that range lie UTIME_NOW and UTIME_OMIT, which a forged node must not reach.
  if (std::max(wanted_.atime.nanoseconds, wanted_.mtime.nanoseconds) >= kNanosecondsPerSecond) {
    return problem("times", EINVAL);
  }
  const timespec times[2] = {to_timespec(wanted_.atime), to_timespec(wanted_.mtime)};
  const int result =
      kind_ == Kind::opened ? ::futimens(fd_, times) : ::utimensat(fd_, "", times, AT_EMPTY_PATH);
  if (result != 0) return problem("times", errno);
  check_times();
}

/// File systems move times that they cannot hold to their nearest in silence: those before 1970 or
/// after 2038, or all that are no whole seconds.
void Applier::check_times() {
  const Metadata now = stat_fd(fd_);
  if (now.mtime.seconds != wanted_.mtime.seconds || now.atime.seconds != wanted_.atime.seconds) {
    problem("times", EOVERFLOW);
  } else if (now.mtime != wanted_.mtime || now.atime != wanted_.atime) {
    problem("parts of a second", EOPNOTSUPP);
  }
}

mode_t node_type(FileType type) {
  switch (type) {
    case FileType::fifo:
      return S_IFIFO;
    case FileType::socket:
      return S_IFSOCK;
    case FileType::char_device:
      return S_IFCHR;
    case FileType::block_device:
      return S_IFBLK;
    case FileType::regular:
    case FileType::directory:
    case FileType::symlink:
      break;
  }
  return 0;
}

}  // namespace

MetadataProblems apply_metadata(int fd, const Metadata& metadata, const ApplyOptions& options) {
  return Applier(fd, Applier::Kind::opened, metadata).run(options);
}

MetadataProblems apply_metadata_at(int dirfd, const char* name, const Metadata& metadata,
                                   const ApplyOptions& options) {
  const Fd pinned = open_at(dirfd, name, O_PATH | O_NOFOLLOW);
  Applier applier(pinned.get(), Applier::Kind::path_only, metadata);
  // Someone else's file, moved here since ours was made, must not get our owner and mode.
  if (applier.current().type != metadata.type || applier.current().rdev != metadata.rdev) {
    throw call_error("set metadata of", name, EINVAL);
  }
  return applier.run(options);
}

int create_special_at(int dirfd, const char* name, const Metadata& metadata) {
  if (metadata.type == FileType::symlink) {
    return ::symlinkat(metadata.symlink_target.c_str(), dirfd, name) == 0 ? 0 : errno;
  }
  const mode_t type = node_type(metadata.type);
  if (type == 0) return EINVAL;
  const auto major = static_cast<unsigned>(metadata.rdev >> 32U);
  const auto minor = static_cast<unsigned>(metadata.rdev);
  return ::mknodat(dirfd, name, type | S_IRUSR | S_IWUSR, makedev(major, minor)) == 0 ? 0 : errno;
}

}  // namespace coppice
