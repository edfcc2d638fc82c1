#include "store/temporary_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "fs/directory.h"
#include "store/host.h"

namespace coppice {
namespace {

constexpr const char* kTemporaryDirectory = "tmp";
constexpr mode_t kUnfinishedMode = 0600;
constexpr int kCreateTries = 16;

bool lock_waiting(int fd) {
  int result = 0;
  do {
    result = ::flock(fd, LOCK_EX);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

/// A lock on the target's own directory: whoever runs a process, and wherever its state lies, meets
/// the others there. Not open if the file system cannot lock directories.
Fd lock_root(const TargetDirectory& target) {
  if (target.options().quirks.flock_errno != 0) return Fd();
  Fd root = open_at(target.root(), ".", O_RDONLY | O_DIRECTORY);
  return lock_waiting(root.get()) ? std::move(root) : Fd();
}

/// The lock that stands in for an atomic operation of the file system, among the processes of this
/// host.
Fd lock_this_host(const TargetDirectory& target) {
  if (Fd root = lock_root(target); root.is_open()) return root;
  if (target.options().lock_dir.empty()) {
    throw Error(ErrorKind::failed, target.path() +
                                       ": the file system has none of link, RENAME_NOREPLACE and "
                                       "flock, and there is no local state directory for a lock");
  }
  std::error_code error;
  std::filesystem::path real = std::filesystem::canonical(target.path(), error);
  if (error) real = target.path();
  const std::string file = target.options().lock_dir + "/" + name_hash(real.string()) + ".lock";
  Fd lock = open_at(AT_FDCWD, file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, kUnfinishedMode);
  if (!lock_waiting(lock.get())) throw call_error("lock", file.c_str(), errno);
  return lock;
}

}  // namespace

struct TemporaryFile::Destination {
  Fd directory;
  std::string name;
};

TemporaryFile::TemporaryFile(TargetDirectory& target)
    : target_(target), directory_(target.make_directory(kTemporaryDirectory)) {
  for (int tries = 0; tries < kCreateTries; ++tries) {
    if (try_create(make_temporary_name())) return;
  }
  throw Error(ErrorKind::failed, target_.path() + ": cannot create files in tmp/: they vanish");
}

TemporaryFile::~TemporaryFile() {
  if (is_there_) ::unlinkat(directory_.get(), name_.c_str(), 0);
}

bool TemporaryFile::try_create(const std::string& name) {
  OpenResult created = try_open_at(directory_.get(), name.c_str(),
                                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kUnfinishedMode);
  if (created.errno_value == EEXIST) return false;
  if (!created.fd.is_open()) {
    target_.expect_present();
    throw target_.call_failed("create a file in tmp/", created.errno_value);
  }
  // Without locks nobody can take it for stale, either: failure is no matter.
  lock_waiting(created.fd.get());
  struct stat facts {};
  // Whoever removes stale files may have locked it first.
  if (::fstatat(directory_.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return false;
  name_ = name;
  file_ = std::move(created.fd);
  is_there_ = true;
  return true;
}

void TemporaryFile::expect_usable() {
  if (!std::exchange(is_usable_, false)) {
    throw Error(ErrorKind::failed,
                target_.path() + ": an upload was used after it failed or ended");
  }
}

void TemporaryFile::append(ByteView bytes) {
  expect_usable();
  target_.within("tmp/" + name_, [&] { write_at(file_.get(), bytes, size_); });
  size_ += bytes.size();
  is_usable_ = true;
}

void TemporaryFile::read_back(std::uint64_t offset, MutableByteView out) const {
  const std::size_t done =
      target_.within("tmp/" + name_, [&] { return read_at(file_.get(), out, offset); });
  if (done != out.size()) {
    throw Error(ErrorKind::failed, target_.path() + ": read back beyond the end of an upload");
  }
}

TemporaryFile::Destination TemporaryFile::finish(const std::string& name) {
  expect_usable();
  target_.set_mode(file_.get(), target_.file_mode());
  target_.sync(file_.get());
  const ObjectPlace place = place_of(name);
  return {target_.make_directory(place.directory), place.leaf};
}

void TemporaryFile::publish(const std::string& name) {
  const Destination to = finish(name);
  rename(to);
  target_.sync(to.directory.get());
}

bool TemporaryFile::publish_if_absent(const std::string& name) {
  const Destination to = finish(name);
  std::optional<bool> is_published = try_link(to);
  if (!is_published) is_published = try_rename_noreplace(to);
  if (!is_published) is_published = rename_under_lock(to);
  if (*is_published) target_.sync(to.directory.get());
  return *is_published;
}

std::optional<bool> TemporaryFile::try_link(const Destination& to) const {
  int errno_value = target_.options().quirks.link_errno;
  if (errno_value == 0 &&
      ::linkat(directory_.get(), name_.c_str(), to.directory.get(), to.name.c_str(), 0) != 0) {
    errno_value = errno;
  }
  switch (errno_value) {
    case 0:
      return true;
    case EEXIST:
      return false;
    case EPERM:
    case ENOSYS:
    case EOPNOTSUPP:
    case EMLINK:
      return std::nullopt;
    default:
      if (is_at(to)) return true;
      throw target_.call_failed("link to " + to.name, errno_value);
  }
}

std::optional<bool> TemporaryFile::try_rename_noreplace(const Destination& to) {
  int errno_value = target_.options().quirks.rename_noreplace_errno;
  if (errno_value == 0 && ::renameat2(directory_.get(), name_.c_str(), to.directory.get(),
                                      to.name.c_str(), RENAME_NOREPLACE) != 0) {
    errno_value = errno;
  }
  switch (errno_value) {
    case 0:
      is_there_ = false;
      return true;
    case EEXIST:
      return false;
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
      return std::nullopt;
    default:
      if (is_at(to)) return true;
      throw target_.call_failed("rename to " + to.name, errno_value);
  }
}

/// After an error that says nothing about the name: the call may have been carried out, and only
/// its answer been lost, as on a network.
bool TemporaryFile::is_at(const Destination& to) const {
  struct stat ours {};
  struct stat there {};
  return ::fstat(file_.get(), &ours) == 0 &&
         ::fstatat(to.directory.get(), to.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

bool TemporaryFile::rename_under_lock(const Destination& to) {
  target_.warn_once(TargetDirectory::Warning::one_host_only,
                    "this target can be used by one host only: its file system has neither link "
                    "nor RENAME_NOREPLACE");
  const Fd lock = lock_this_host(target_);
  struct stat facts {};
  if (::fstatat(to.directory.get(), to.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0)
    return false;
  if (errno != ENOENT) throw target_.call_failed("stat " + to.name, errno);
  rename(to);
  return true;
}

void TemporaryFile::rename(const Destination& to) {
  if (::renameat(directory_.get(), name_.c_str(), to.directory.get(), to.name.c_str()) == 0) {
    is_there_ = false;
    return;
  }
  const int errno_value = errno;
  if (errno_value == EISDIR) {
    throw_damaged(target_.path() + ": " + to.name + ": a directory is in its place; move it away");
  }
  const bool may_be_refused =
      errno_value == EPERM || errno_value == EACCES || errno_value == EEXIST;
  if (!may_be_refused || !link_instead(to)) {
    throw target_.call_failed("rename to " + to.name, errno_value);
  }
}

/// For a target that lets nobody take a name away (append-only), or that does not rename over
/// another file (SFTP without its extension): a second name does as well, and needs the old one
/// gone only where there is one. The destructor removes the first name, if it may.
bool TemporaryFile::link_instead(const Destination& to) const {
  const auto link = [&] {
    return ::linkat(directory_.get(), name_.c_str(), to.directory.get(), to.name.c_str(), 0) == 0;
  };
  if (link()) return true;
  // Between the two calls the old object is gone, as it is on such a target with any program.
  return errno == EEXIST && ::unlinkat(to.directory.get(), to.name.c_str(), 0) == 0 && link();
}

std::size_t remove_stale_temporaries(const TargetDirectory& target) {
  const Fd directory = target.try_open_directory(kTemporaryDirectory);
  if (!directory.is_open()) return 0;
  const std::vector<DirEntry> entries =
      target.within("tmp", [&] { return read_directory(directory.get()); });
  std::size_t removed = 0;
  for (const DirEntry& entry : entries) {
    if (!may_be_stale(entry.name)) continue;
    // NFS grants an exclusive lock only on a file open for writing; a finished file grants only
    // reading.
    const char* name = entry.name.c_str();
    OpenResult file = try_open_at(directory.get(), name, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (!file.fd.is_open()) {
      file = try_open_at(directory.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    }
    if (!file.fd.is_open() || ::flock(file.fd.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (::unlinkat(directory.get(), name, 0) == 0) ++removed;
  }
  return removed;
}

}  // namespace coppice
