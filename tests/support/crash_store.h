#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"

namespace coppice::test {

/// A store over a model of a disk that records the steps which a LocalStore takes for each of its
/// functions, and can tell every state in which a power cut may leave the disk.
///
/// A step is done at once, as running programs see it, but is durable only when it was synced: the
/// bytes of a file by a sync of the file; a name that was made, replaced or removed, or a directory
/// that was made in another, by a sync of that directory. Until then each step may be lost on its
/// own, in any combination (so later steps may survive earlier ones), and bytes may be torn: none,
/// the first half, or zeros of the right length. This is less than any file system in use promises.
/// What lies in "tmp/" is not modelled: nobody reads it.
///
/// Thread-safe. The steps of concurrent calls are recorded in the order in which they took effect.
class CrashStore : public Store {
 public:
  /// What a test can leave out to prove that it would be missed.
  enum class Mutant {
    none,
    no_file_sync,        ///< an object is renamed without a sync of its bytes
    no_directory_sync,   ///< … without a sync of the directory afterwards
    no_parent_sync,      ///< a new directory's own name is never synced
    no_sync_of_adopted,  ///< what another process has published is taken to be durable
    packs_after_log,     ///< packs and side files are written when the next log entry has been
    log_after_removal,  ///< log entries are written when the next pack has been removed, both files
    removes_before_replacing,  ///< what stands under the name goes before the new bytes are there
  };

  using Contents = std::map<std::string, std::shared_ptr<const Bytes>>;

  explicit CrashStore(Contents start = {}, Mutant mutant = Mutant::none);

  /// So many steps were done.
  std::size_t steps() const;
  /// The objects as they are now.
  Contents contents() const;

  /// Every state in which a power cut after `count` steps may leave the objects, without those that
  /// a cut one step earlier may leave, too; the first is the one in which nothing is lost. If there
  /// would be more than `limit`, that one and a random choice. `legal` counts those that were
  /// looked at, equal ones too.
  std::vector<Contents> states_after(std::size_t count, std::size_t limit, std::mt19937_64& random,
                                     std::uint64_t& legal) const;
  /// What was done, for messages: "step 12: name packs/3f/3f2a…".
  std::string describe(std::size_t count) const;

  /// The next process that names an object which begins so dies before it has synced the name: its
  /// call throws.
  void kill_before_sync(std::string prefix);

  std::unique_ptr<Upload> begin_upload() override;
  bool put_if_absent(const std::string& name, ByteView bytes) override;
  std::optional<std::uint64_t> size(const std::string& name) override;
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override;
  std::vector<ObjectInfo> list(const std::string& prefix) override;
  void make_durable(const std::string& name) override;
  bool remove(const std::string& name) override;
  std::string description() const override { return "a modelled disk"; }

 private:
  class CrashUpload;
  using Shared = std::shared_ptr<const Bytes>;
  struct Step {
    enum class Kind { write, sync_file, make_directory, sync_directory, enter, leave };
    Kind kind = Kind::write;
    std::string name;  ///< of the directory for make_ and sync_directory, else of the object
    Shared file;       ///< write, sync_file, enter: which file
  };
  struct Choice;

  void publish(const std::string& name, Shared file);
  void write_late();
  bool is_last_of_pack(const std::string& name) const;
  void record(Step::Kind kind, const std::string& name, Shared file = nullptr);
  void make_directories(const std::string& name);
  std::vector<std::size_t> unsynced_after(std::size_t count) const;
  Contents state(std::size_t count, const std::map<std::size_t, int>& fates) const;

  const Contents start_;
  const Mutant mutant_;
  mutable std::mutex mutex_;  // guards all below
  Contents now_;
  std::set<std::string> directories_;
  std::set<std::string> start_directories_;
  std::vector<Step> steps_;
  std::string kill_prefix_;                           // empty: nobody dies
  std::vector<std::pair<std::string, Shared>> late_;  // what a mutant holds back
};

}  // namespace coppice::test
