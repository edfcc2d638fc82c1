#include "store/target_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace coppice {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// Takes the first part off `rest`.
std::string next_part(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  std::string part(rest.substr(0, slash));
  rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  return part;
}

}  // namespace

ObjectPlace place_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) return {"", name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

TargetDirectory::TargetDirectory(Fd root, std::string path, LocalStoreOptions options,
                                 bool is_shared)
    : root_(std::move(root)),
      path_(std::move(path)),
      options_(std::move(options)),
      is_shared_(is_shared) {
  struct stat facts {};
  had_links_ = ::fstat(root_.get(), &facts) == 0 && facts.st_nlink > 0;
}

Fd TargetDirectory::try_open_directory(const std::string& relative) const {
  OpenResult at = try_open_at(root_.get(), ".", kDirectoryFlags);
  std::string_view rest = relative;
  while (at.fd.is_open() && !rest.empty()) {
    const std::string part = next_part(rest);
    at = try_open_at(at.fd.get(), part.c_str(), kDirectoryFlags);
  }
  if (at.fd.is_open()) return std::move(at.fd);
  if (at.errno_value == ENOENT) {
    expect_present();
    return Fd();
  }
  if (at.errno_value == ENOTDIR || at.errno_value == ELOOP) {
    throw_damaged(path_ + "/" + relative + ": not a directory");
  }
  throw call_failed("open directory " + relative, at.errno_value);
}

Fd TargetDirectory::make_directory(const std::string& relative) {
  Fd at = open_at(root_.get(), ".", kDirectoryFlags);
  std::string_view rest = relative;
  while (!rest.empty()) {
    const std::string part = next_part(rest);
    Fd child = make_part(at, part);
    const std::string so_far = relative.substr(0, relative.size() - rest.size());
    // One that was already there may come from a process that was killed before its fsync.
    if (!is_known_durable(so_far)) {
      sync(at.get());
      const std::lock_guard lock(mutex_);
      durable_.insert(so_far);
    }
    at = std::move(child);
  }
  return at;
}

Fd TargetDirectory::make_part(const Fd& parent, const std::string& name) {
  OpenResult there = try_open_at(parent.get(), name.c_str(), kDirectoryFlags);
  bool is_new = false;
  if (there.errno_value == ENOENT) {
    is_new = ::mkdirat(parent.get(), name.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) {
      const int errno_value = errno;
      expect_present();
      throw call_failed("mkdir " + name, errno_value);
    }
    there = try_open_at(parent.get(), name.c_str(), kDirectoryFlags);
  }
  if (!there.fd.is_open()) throw call_failed("open directory " + name, there.errno_value);
  if (is_new && is_shared_) set_mode(there.fd.get(), directory_mode());
  return std::move(there.fd);
}

bool TargetDirectory::is_known_durable(const std::string& relative) const {
  const std::lock_guard lock(mutex_);
  return durable_.contains(relative);
}

int TargetDirectory::pretended_fsync_errno() {
  const std::lock_guard lock(mutex_);
  return fsyncs_++ < options_.quirks.real_fsyncs ? 0 : options_.quirks.fsync_errno;
}

void TargetDirectory::sync(int fd) {
  const int pretended = pretended_fsync_errno();
  const bool can_sync = within("fsync", [&] {
    if (pretended == 0) return sync_to_disk(fd);
    if (pretended == EINVAL || pretended == ENOSYS || pretended == EOPNOTSUPP) return false;
    throw system_error("pretended", pretended);
  });
  if (can_sync) return;
  warn_once(Warning::no_fsync,
            "this file system cannot fsync; what is stored now may be lost in a power cut");
}

void TargetDirectory::set_mode(int fd, mode_t mode) {
  int errno_value = options_.quirks.chmod_errno;
  if (errno_value == 0 && ::fchmod(fd, mode) != 0) errno_value = errno;
  if (errno_value == 0) return;
  if (errno_value != EPERM && errno_value != EINVAL && errno_value != ENOSYS &&
      errno_value != EOPNOTSUPP) {
    throw call_failed("chmod", errno_value);
  }
  warn_once(Warning::no_chmod,
            "this file system does not keep file modes; keep other users out by its mount options");
}

void TargetDirectory::warn_once(Warning warning, const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    if (!warned_.insert(warning).second) return;
  }
  if (options_.warn) options_.warn(path_ + ": " + message);
}

void TargetDirectory::expect_writable() const {
  if (options_.read_only) throw Error(ErrorKind::refused, path_ + ": opened for reading only");
}

void TargetDirectory::expect_present() const {
  struct stat facts {};
  if (::fstat(root_.get(), &facts) != 0) throw call_failed("stat", errno);
  if (had_links_ && facts.st_nlink == 0) {
    throw Error(ErrorKind::failed, path_ + ": the directory was removed while it was in use");
  }
}

bool TargetDirectory::answers() const {
  return try_open_at(root_.get(), ".", kDirectoryFlags).fd.is_open();
}

Error TargetDirectory::explained(const Error& error) const {
  Error here = error.within(path_);
  if (error.kind() != ErrorKind::no_space) return here;
  return {ErrorKind::no_space,
          std::string(here.what()) +
              "; free space on the target, or remove snapshots with 'forget' and 'prune'"};
}

Error TargetDirectory::call_failed(const std::string& call, int errno_value) const {
  return explained(system_error(call, errno_value));
}

}  // namespace coppice
