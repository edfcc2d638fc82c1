#pragma once
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace coppice {

class DescriptorCache;
class TargetDirectory;

/// For tests: error numbers that the file system shall seem to answer with; 0 asks the real one.
struct LocalStoreQuirks {
  int link_errno = 0;
  int rename_noreplace_errno = 0;
  int flock_errno = 0;  ///< of directories
  int fsync_errno = 0;
  int real_fsyncs = 0;  ///< so many are made before fsync_errno is answered
  int chmod_errno = 0;
};

struct LocalStoreOptions {
  /// Changes throw Error{refused}; nothing is ever written.
  bool read_only = false;
  /// Takes what is wrong with the file system but bearable, each once per store. Called from any
  /// thread that stores.
  std::function<void(const std::string&)> warn = {};
  /// An existing directory local to this host, for the lock that file systems need which have none
  /// of link(2), RENAME_NOREPLACE and flock(2) of directories; empty: on those, put_if_absent
  /// throws Error{failed}.
  std::string lock_dir = {};
  LocalStoreQuirks quirks = {};
};

/// Objects as files below one directory, on a local or mounted file system (docs/format.md, section
/// on the store).
///
/// The directory is opened once and all access is relative to that descriptor, through no symlink:
/// a target that is unmounted, removed or swapped meanwhile gives errors and never a second,
/// emptier repository. Files are 0400 and directories 0700; with a shared group (told by the
/// directory's setgid and group bits) 0440 and 02770. Unfinished files lie in "tmp/". Up to 64 open
/// packs are kept for reading, so a pack that another process removes may stay readable for a
/// while. Thread-safe.
class LocalStore : public Store {
 public:
  /// Opens without writing. Throws Error{no_repository} if `path` is not a directory or not there.
  static std::unique_ptr<LocalStore> open(const std::string& path, LocalStoreOptions options = {});
  /// Makes the directory; its parent must be there, and itself absent or empty ("lost+found"
  /// aside), else Error{failed}. `shared_group`: its members may read and write. Durable on return.
  static std::unique_ptr<LocalStore> create(const std::string& path, LocalStoreOptions options = {},
                                            std::optional<gid_t> shared_group = std::nullopt);
  /// For `open` and `create`.
  explicit LocalStore(std::unique_ptr<TargetDirectory> target);
  ~LocalStore() override;

  std::unique_ptr<Upload> begin_upload() override;
  bool put_if_absent(const std::string& name, ByteView bytes) override;
  std::optional<std::uint64_t> size(const std::string& name) override;
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override;
  std::vector<ObjectInfo> list(const std::string& prefix) override;
  std::vector<ObjectInfo> list_wanted(const std::string& prefix,
                                      const IsWanted& is_wanted) override;
  std::vector<std::string> names(const std::string& prefix) override;
  void make_durable(const std::string& name) override;
  bool remove(const std::string& name) override;
  std::string description() const override;

  /// Removes unfinished files of this host whose process is dead; returns how many. Those of other
  /// hosts stay.
  std::size_t remove_stale_temporaries();

 private:
  class LocalUpload;

  std::unique_ptr<TargetDirectory> target_;
  std::unique_ptr<DescriptorCache> cache_;
};

}  // namespace coppice
