#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "prune/prune.h"
#include "support/crash_store.h"
#include "support/repository_fixture.h"
#include "support/scratch_dir.h"

namespace coppice::test {

/// The trees that crash tests back up: version 1, 2, … of one directory, always recorded as "/src".
/// Each snapshot is tagged with its version, so that whoever finds it knows what must be in it.
class Versions {
 public:
  /// One for all tests of the process, made when first asked for.
  static const Versions& instance();

  static constexpr int kCount = 80;
  /// The directory with this version, 1 … kCount. Version kLarge has more than a MiB, so that its
  /// pack has parity.
  std::string live_path(int version) const;
  /// What must come back: path below /src, content.
  static std::map<std::string, std::string> content(int version);

  static constexpr int kLarge = 10;
  /// Backed up by whoever finds the repository after a crash.
  static constexpr int kNext = 12;
  /// Stands for the repository itself in a set of promises.
  static constexpr int kRepository = 0;

 private:
  Versions();
  ScratchDir scratch_;
};

/// From this step of the store on, these versions must be there.
struct Promise {
  std::size_t from_step = 0;
  std::set<int> versions;
};

/// Where a job runs: a store on a modelled disk, and what was promised so far. Used by one thread.
class CrashWorld {
 public:
  /// `store` may stand before the disk, to fail calls.
  CrashWorld(CrashStore& disk, Store& store, std::set<int> promised);

  Store& store() { return store_; }
  /// The same objects as another machine sees them: none of its calls fails.
  Store& other_machine() { return disk_; }
  std::unique_ptr<Repository> open();
  static Credential credential();

  /// Makes a repository without snapshots; promised when it returns.
  void init(std::optional<ParityGeometry> parity = ParityGeometry{});
  /// Backs up this version, compared with the newest snapshot; promised when it returns.
  BackupResult backup(int version);
  /// The same by a process that is killed when it has named its first pack, before it has synced
  /// the name.
  void begin_backup(int version);
  /// Forgets these versions, which are not promised any more from when it begins.
  void forget(Repository& repository, const std::vector<int>& versions);
  void forget(const std::vector<int>& versions) { forget(*open(), versions); }
  /// Takes that back; promised when it returns.
  void undelete(int version);
  /// Collects, with nothing dead left in packs and time that passes only in sleep. The hooks are
  /// called with each phase, and with each sleep.
  struct PruneHooks {
    std::function<void(const std::string& phase)> on_phase;
    std::function<void()> on_sleep;
  };
  PruneResult prune(Repository& repository, const PruneHooks& hooks);
  PruneResult prune(const PruneHooks& hooks = {}) { return prune(*open(), hooks); }

  /// The snapshot of this version, forgotten or not.
  static Id snapshot_of(const Repository& repository, int version);

  /// What a job has said is done is promised from now on …
  void promise(int version);
  /// … and what it is about to delete is not.
  void release(int version);
  const std::vector<Promise>& promises() const { return promises_; }
  const std::set<int>& promised() const { return promises_.back().versions; }

  /// What jobs reported.
  FindingList findings;
  ThreadPool pool{1};

 private:
  CrashStore& disk_;
  Store& store_;
  std::vector<Promise> promises_;
};

/// What is to come of a repository after a crash, beside the next backup and what was promised.
struct Aftermath {
  /// What its owner does first: the same job again. Null: nothing.
  void (*recover)(CrashWorld&) = nullptr;
  /// `verify` may find damage until then: that is what the job is for.
  bool starts_damaged = false;
  /// Versions that have lost content for good: what is left of them must be right, or told.
  std::set<int> hurt = {};
};

/// One job that crash tests drive through every cut. To add one: a function that gets the
/// repository ready, one that does the job, and a line in `crash_scenarios`.
struct CrashScenario {
  std::string name;
  void (*prepare)(CrashWorld&);
  void (*job)(CrashWorld&);
  /// How much of it is tried outside the long tests. Whole: of each cut all states, each call in
  /// all ways. Sampled: of each cut some states, each call in one way. Slow: some of the states,
  /// every forty-first call (in the long tests, too).
  enum class Effort { whole, sampled, slow };
  Effort effort = Effort::whole;
  Aftermath aftermath = {};
};
/// With COPPICE_CRASH_JOBS set, only those whose name contains it: for who looks into one.
const std::vector<CrashScenario>& crash_scenarios();
/// Parts of them.
std::vector<CrashScenario> backup_scenarios();
std::vector<CrashScenario> collection_scenarios();
std::vector<CrashScenario> repair_scenarios();
const CrashScenario& crash_scenario(const std::string& name);

}  // namespace coppice::test
