// How objects lie in files, and why in this order: an object is written under a temporary name,
// synced, renamed (or linked), and then its directory is synced. So a name never leads to half an
// object, and a name that was answered for survives a power cut; without the first fsync ext4 and
// xfs may show an empty file under the final name, without the second the name may be gone.
#include "store/local_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "fs/directory.h"
#include "fs/fd.h"
#include "store/descriptor_cache.h"
#include "store/target_directory.h"
#include "store/temporary_file.h"

namespace coppice {
namespace {

/// Restore reads a window of a few dozen packs at a time; far below the usual limit of 1024
/// descriptors.
constexpr std::size_t kOpenPacks = 64;
/// Only these are never replaced by other bytes, so that an old descriptor cannot mislead.
constexpr std::string_view kImmutablePrefix = "packs/";

/// pread until full, the end, or an error, whose number it returns (0 for none).
int read_what_is_there(int fd, MutableByteView out, std::uint64_t offset, std::size_t& done) {
  while (done < out.size()) {
    const ssize_t count =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count == 0) return 0;
    if (count > 0) done += static_cast<std::size_t>(count);
    if (count < 0 && errno != EINTR) return errno;
  }
  return 0;
}

/// What kernels answer for sectors that cannot be read and for broken file system structures.
bool means_bad_medium(int errno_value) {
  return errno_value == EIO || errno_value == EUCLEAN || errno_value == EBADMSG ||
         errno_value == ENODATA;
}

/// Opens for reading; not open if absent. Throws Error{damaged} if it is no plain file.
Fd try_open_object(const TargetDirectory& target, const std::string& name) {
  const ObjectPlace place = place_of(name);
  const Fd directory = target.try_open_directory(place.directory);
  if (!directory.is_open()) return Fd();
  // O_NONBLOCK: a FIFO under an object's name must not stop us for ever.
  OpenResult file = try_open_at(directory.get(), place.leaf.c_str(),
                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (file.errno_value == ENOENT) {
    target.expect_present();
    return Fd();
  }
  if (means_bad_medium(file.errno_value) && target.answers()) {
    throw_damaged(system_error(target.path() + ": open " + name, file.errno_value).what());
  }
  struct stat facts {};
  if (file.fd.is_open() && ::fstat(file.fd.get(), &facts) != 0) {
    throw target.call_failed("stat " + name, errno);
  }
  const bool is_odd = file.fd.is_open() ? !S_ISREG(facts.st_mode)
                                        : file.errno_value == ELOOP || file.errno_value == ENXIO;
  if (is_odd) throw_damaged(target.path() + ": " + name + ": not a plain file");
  if (!file.fd.is_open()) throw target.call_failed("open " + name, file.errno_value);
  return std::move(file.fd);
}

/// Collects the objects below a prefix.
class Lister {
 public:
  /// Whether sizes are asked for: it costs a call for each object, unless the file system does not
  /// tell types either.
  enum class Detail : std::uint8_t { names, sizes };

  Lister(const TargetDirectory& target, Detail detail, const Store::IsWanted* is_wanted)
      : target_(target), detail_(detail), is_wanted_(is_wanted) {}

  std::vector<ObjectInfo> list(const std::string& prefix) {
    expect_list_prefix(prefix);
    list_below(prefix);
    const auto by_name = [](const ObjectInfo& a, const ObjectInfo& b) { return a.name < b.name; };
    // As directories are read in order, only a name that begins like a directory's is out of place.
    if (!std::is_sorted(found_.begin(), found_.end(), by_name))
      std::sort(found_.begin(), found_.end(), by_name);
    return std::move(found_);
  }

 private:
  void list_below(const std::string& prefix);
  void look_at(const Fd& directory, const DirEntry& entry, const std::string& name);
  bool is_wanted(const std::string& last_part) const {
    return is_wanted_ == nullptr || (*is_wanted_)(last_part);
  }

  const TargetDirectory& target_;
  const Detail detail_;
  const Store::IsWanted* is_wanted_;  // null: all are
  std::vector<ObjectInfo> found_;
};

void Lister::list_below(const std::string& prefix) {
  const Fd directory =
      target_.try_open_directory(prefix.substr(0, prefix.find_last_not_of('/') + 1));
  if (!directory.is_open()) return;
  const std::vector<DirEntry> entries =
      target_.within("list " + prefix, [&] { return read_directory(directory.get()); });
  for (const DirEntry& entry : entries) {
    if (entry.type == DT_REG && !is_wanted(entry.name)) continue;
    std::string name = prefix + entry.name;
    if (!is_object_name(name)) continue;
    if (detail_ == Detail::names && entry.type == DT_REG) {
      found_.push_back({std::move(name), 0});
    } else {
      look_at(directory, entry, name);
    }
  }
}

void Lister::look_at(const Fd& directory, const DirEntry& entry, const std::string& name) {
  struct stat facts {};
  if (::fstatat(directory.get(), entry.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    throw target_.call_failed("stat " + name, errno);
  }
  if (S_ISDIR(facts.st_mode)) list_below(name + "/");
  if (S_ISREG(facts.st_mode) && is_wanted(entry.name))
    found_.push_back({name, static_cast<std::uint64_t>(facts.st_size)});
}

bool is_empty_directory(const Fd& directory) {
  const std::vector<DirEntry> entries = read_directory(directory.get());
  return std::all_of(entries.begin(), entries.end(),
                     [](const DirEntry& entry) { return entry.name == "lost+found"; });
}

/// True if the directory was made for a shared group.
bool is_made_for_group(const Fd& directory) {
  constexpr mode_t kShared = S_ISGID | S_IRWXG;
  struct stat facts {};
  return ::fstat(directory.get(), &facts) == 0 && (facts.st_mode & kShared) == kShared;
}

}  // namespace

class LocalStore::LocalUpload : public Store::Upload {
 public:
  explicit LocalUpload(LocalStore& store) : store_(store), file_(*store.target_) {}

  void append(ByteView bytes) override { file_.append(bytes); }
  void read_back(std::uint64_t offset, MutableByteView out) override {
    file_.read_back(offset, out);
  }
  std::uint64_t size() const override { return file_.size(); }
  void commit(const std::string& name) override {
    expect_object_name(name);
    file_.publish(name);
    store_.cache_->forget(name);
  }

 private:
  LocalStore& store_;
  TemporaryFile file_;
};

LocalStore::LocalStore(std::unique_ptr<TargetDirectory> target)
    : target_(std::move(target)), cache_(std::make_unique<DescriptorCache>(kOpenPacks)) {}

LocalStore::~LocalStore() = default;

std::unique_ptr<LocalStore> LocalStore::open(const std::string& path, LocalStoreOptions options) {
  OpenResult root = try_open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (root.errno_value == ENOENT || root.errno_value == ENOTDIR) {
    throw Error(ErrorKind::no_repository,
                call_error("no repository at", path.c_str(), root.errno_value).what());
  }
  if (!root.fd.is_open()) throw call_error("open", path.c_str(), root.errno_value);
  const bool is_shared = is_made_for_group(root.fd);
  auto target =
      std::make_unique<TargetDirectory>(std::move(root.fd), path, std::move(options), is_shared);
  return std::make_unique<LocalStore>(std::move(target));
}

std::unique_ptr<LocalStore> LocalStore::create(const std::string& path, LocalStoreOptions options,
                                               std::optional<gid_t> shared_group) {
  // No parents are made: a missing one is most often a disk that is not mounted.
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw call_error("mkdir", path.c_str(), errno);
  }
  Fd root = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!is_empty_directory(root)) throw Error(ErrorKind::failed, path + ": not empty");
  if (shared_group && ::fchown(root.get(), static_cast<uid_t>(-1), *shared_group) != 0) {
    throw call_error("change the group of", path.c_str(), errno);
  }
  const Fd parent = open_at(root.get(), "..", O_RDONLY | O_DIRECTORY);
  auto target = std::make_unique<TargetDirectory>(std::move(root), path, std::move(options),
                                                  shared_group.has_value());
  target->set_mode(target->root(), target->directory_mode());
  target->make_directory("tmp");
  target->sync(parent.get());
  return std::make_unique<LocalStore>(std::move(target));
}

std::unique_ptr<Store::Upload> LocalStore::begin_upload() {
  target_->expect_writable();
  return std::make_unique<LocalUpload>(*this);
}

bool LocalStore::put_if_absent(const std::string& name, ByteView bytes) {
  expect_object_name(name);
  target_->expect_writable();
  if (size(name)) return false;
  TemporaryFile file(*target_);
  file.append(bytes);
  return file.publish_if_absent(name);
}

std::optional<std::uint64_t> LocalStore::size(const std::string& name) {
  expect_object_name(name);
  const ObjectPlace place = place_of(name);
  const Fd directory = target_->try_open_directory(place.directory);
  if (!directory.is_open()) return std::nullopt;
  struct stat facts {};
  if (::fstatat(directory.get(), place.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) throw target_->call_failed("stat " + name, errno);
    target_->expect_present();
    return std::nullopt;
  }
  return S_ISREG(facts.st_mode) ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

void LocalStore::make_durable(const std::string& name) {
  expect_object_name(name);
  target_->expect_writable();
  target_->sync(target_->make_directory(place_of(name).directory).get());
}

void LocalStore::read(const std::string& name, std::uint64_t offset, MutableByteView out) {
  expect_object_name(name);
  const bool is_kept = name.starts_with(kImmutablePrefix);
  DescriptorCache::Handle file = is_kept ? cache_->find(name) : nullptr;
  if (!file) {
    const std::uint64_t generation = cache_->generation();
    Fd opened = try_open_object(*target_, name);
    if (!opened.is_open()) throw_damaged(target_->path() + ": " + name + ": missing");
    file = std::make_shared<const Fd>(std::move(opened));
    if (is_kept) cache_->add(name, file, generation);
  }
  std::size_t done = 0;
  const int errno_value = read_what_is_there(file->get(), out, offset, done);
  // An I/O error of the whole target (a network mount that went away) says nothing about the
  // object.
  if (means_bad_medium(errno_value) && target_->answers()) {
    throw_damaged(system_error(target_->path() + ": read " + name, errno_value).what());
  }
  if (errno_value != 0) throw target_->call_failed("read " + name, errno_value);
  if (done != out.size()) {
    throw_damaged(target_->path() + ": " + name + ": ends before byte " +
                  std::to_string(offset + out.size()));
  }
}

std::vector<ObjectInfo> LocalStore::list(const std::string& prefix) {
  return Lister(*target_, Lister::Detail::sizes, nullptr).list(prefix);
}

std::vector<ObjectInfo> LocalStore::list_wanted(const std::string& prefix,
                                                const IsWanted& is_wanted) {
  return Lister(*target_, Lister::Detail::sizes, &is_wanted).list(prefix);
}

std::vector<std::string> LocalStore::names(const std::string& prefix) {
  std::vector<std::string> names;
  for (ObjectInfo& object : Lister(*target_, Lister::Detail::names, nullptr).list(prefix))
    names.push_back(std::move(object.name));
  return names;
}

bool LocalStore::remove(const std::string& name) {
  expect_object_name(name);
  target_->expect_writable();
  const ObjectPlace place = place_of(name);
  const Fd directory = target_->try_open_directory(place.directory);
  if (!directory.is_open()) return false;
  const int result = ::unlinkat(directory.get(), place.leaf.c_str(), 0);
  const int errno_value = result == 0 ? 0 : errno;
  cache_->forget(name);
  if (errno_value == 0) return true;
  target_->expect_present();
  if (errno_value == ENOENT) return false;
  throw target_->call_failed("remove " + name, errno_value);
}

std::string LocalStore::description() const { return target_->path(); }

std::size_t LocalStore::remove_stale_temporaries() {
  target_->expect_writable();
  return coppice::remove_stale_temporaries(*target_);
}

}  // namespace coppice
