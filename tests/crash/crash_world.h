#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backup/backup.h"
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
  std::unique_ptr<Repository> open();
  static Credential credential();

  /// Makes a repository without snapshots; promised when it returns.
  void init();
  /// Backs up this version, compared with the newest snapshot; promised when it returns.
  BackupResult backup(int version);

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

/// One job that crash tests drive through every cut. To add one: a function that gets the
/// repository ready, one that does the job, and a line in `crash_scenarios`.
struct CrashScenario {
  std::string name;
  void (*prepare)(CrashWorld&);
  void (*job)(CrashWorld&);
  /// Takes so long to judge that only a sample of its cuts and faults is tried outside the long
  /// tests.
  bool is_large = false;
};
const std::vector<CrashScenario>& crash_scenarios();
const CrashScenario& crash_scenario(const std::string& name);

}  // namespace coppice::test
