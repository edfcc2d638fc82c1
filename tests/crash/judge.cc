#include "judge.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "repo/object_names.h"
#include "restore/restore.h"
#include "snapshot/snapshot_record.h"
#include "verify/verify.h"

namespace coppice::test {
namespace {

constexpr std::size_t kMaxViolations = 20;

int version_of(const LoggedSnapshot& snapshot) {
  return std::stoi(decode_snapshot(snapshot.record).tags.at(0));
}

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Judges one state.
class Judge {
 public:
  Judge(const CrashStore::Contents& contents, std::set<int> promised, Recovery* recovery,
        bool restores)
      : restores_(restores),
        promised_(std::move(promised)),
        disk_(std::make_unique<CrashStore>(contents)),
        world_(*disk_, *disk_, promised_),
        recovery_(recovery) {}

  Violations run() {
    try {
      judge();
    } catch (const std::exception& error) {
      wrong(std::string("throws: ") + error.what());
    }
    return std::move(violations_);
  }

 private:
  void judge();
  void expect_verified(const std::string& when, bool may_be_healable);
  void expect_promised();
  void expect_restorable(const LoggedSnapshot& snapshot);
  void recover();
  std::set<std::string> orphans() const;
  void wrong(const std::string& what) { violations_.push_back(what); }

  const bool restores_;
  std::set<int> promised_;
  std::unique_ptr<CrashStore> disk_;
  CrashWorld world_;
  Recovery* recovery_;
  std::unique_ptr<Repository> repository_;
  ScratchDir scratch_;
  Violations violations_;
};

void Judge::judge() {
  try {
    repository_ = world_.open();
  } catch (const Error& error) {
    // An init that did not end leaves nothing that anybody takes for a repository.
    const bool is_none =
        error.kind() == ErrorKind::no_repository && !promised_.contains(Versions::kRepository);
    if (!is_none) wrong(std::string("does not open: ") + error.what());
    return;
  }
  expect_verified("after the cut", true);
  expect_promised();
  repository_.reset();
  recover();
}

void Judge::expect_verified(const std::string& when, bool may_be_healable) {
  FindingList with_key;
  FindingList without;
  VerifyOptions options;
  options.read_data = true;
  verify_repository(*repository_, world_.pool, options, with_key);
  verify_keyless(*disk_, world_.pool, {}, without);
  for (const FindingList* list : {&with_key, &without}) {
    for (const Finding& finding : list->all) {
      if (finding.weight == Finding::Weight::note) continue;
      if (may_be_healable && finding.weight == Finding::Weight::healable) continue;
      wrong("verify " + when + ": " + finding.code + " " + finding.item + ": " + finding.message);
    }
  }
}

void Judge::expect_promised() {
  std::set<int> missing = promised_;
  missing.erase(Versions::kRepository);
  std::set<int> seen;
  const auto visible = repository_->state().visible_snapshots();
  for (auto at = visible.rbegin(); at != visible.rend(); ++at) {
    const int version = version_of(**at);
    missing.erase(version);
    if (seen.insert(version).second && restores_) expect_restorable(**at);
  }
  for (const int version : missing) wrong("version " + std::to_string(version) + " is lost");
}

void Judge::expect_restorable(const LoggedSnapshot& snapshot) {
  const int version = version_of(snapshot);
  RestoreOptions options;
  options.target = scratch_ / "out";
  options.sub_path = "/src";
  options.no_space_check = true;
  FindingList findings;
  restore_snapshot(*repository_, world_.pool, decode_snapshot(snapshot.record).root, options,
                   findings);
  if (findings.count(Finding::Weight::damaged) + findings.count(Finding::Weight::partial) > 0)
    wrong("restoring version " + std::to_string(version) + ": " + findings.text());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch_ / "out"))
    files += entry.is_regular_file() ? 1U : 0U;
  const auto expected = Versions::content(version);
  bool is_same = files == expected.size();
  for (const auto& [path, bytes] : expected)
    is_same = is_same && file_bytes(scratch_.path() / "out" / path) == bytes;
  if (!is_same) wrong("version " + std::to_string(version) + " restores to something else");
  std::filesystem::remove_all(scratch_ / "out");
}

/// Finished packs that no entry names; a later session of the same slot adopts them.
std::set<std::string> Judge::orphans() const {
  const auto repository = Repository::open(*disk_, CrashWorld::credential(), {},
                                           const_cast<FindingList&>(world_.findings));
  std::set<std::string> names;
  for (const ObjectInfo& object : disk_->list("packs/")) {
    Id name;
    const std::string last = object.name.substr(object.name.rfind('/') + 1);
    const LiveObjects& objects = repository->state().objects;
    if (from_hex(last, name.bytes) && !objects.is_live(name) && !objects.is_deleted(name))
      names.insert(object.name);
  }
  return names;
}

void Judge::recover() {
  world_.backup(Versions::kNext);
  for (const Finding& finding : world_.findings.all) {
    if (finding.weight == Finding::Weight::damaged || finding.weight == Finding::Weight::partial)
      wrong("the next backup reports " + finding.code + " " + finding.item);
  }
  for (const std::string& name : orphans()) wrong("finished and not adopted: " + name);
  repository_ = world_.open();
  promised_.insert(Versions::kNext);
  expect_promised();
  expect_verified("after the next backup", false);
  repository_.reset();
  if (recovery_ != nullptr) *recovery_ = {std::move(disk_), world_.promises()};
}

}  // namespace

Violations judge(const CrashStore::Contents& contents, const std::set<int>& promised,
                 Recovery* recovery, bool restores) {
  return Judge(contents, promised, recovery, restores).run();
}

const std::set<int>& promised_after(const std::vector<Promise>& promises, std::size_t steps) {
  const std::set<int>* versions = &promises.front().versions;
  for (const Promise& promise : promises) {
    if (promise.from_step <= steps) versions = &promise.versions;
  }
  return *versions;
}

namespace {

/// Equal for equal states of one disk.
std::vector<const void*> signature_of(const CrashStore::Contents& contents) {
  std::vector<const void*> signature;
  for (const auto& [name, file] : contents) signature.push_back(file.get());
  return signature;
}

class Sweep {
 public:
  explicit Sweep(const SweepOptions& options) : options_(options), random_(options.seed) {}

  /// All states of this disk; those of the recoveries from them, too, if the depth says so.
  void run(const CrashStore& disk, const std::vector<Promise>& promises, unsigned depth,
           const std::string& where);

  SweepResult take() { return std::move(result_); }
  const SweepResult& result() const { return result_; }

 private:
  void judge_one(const CrashStore::Contents& contents, const std::set<int>& promised,
                 unsigned depth, const std::string& where);

  const SweepOptions& options_;
  std::mt19937_64 random_;
  SweepResult result_;
};

void Sweep::judge_one(const CrashStore::Contents& contents, const std::set<int>& promised,
                      unsigned depth, const std::string& where) {
  ++result_.judged;
  Recovery recovery;
  const bool restores = depth == 1 || result_.judged % 8 == 0;
  for (const std::string& violation : judge(contents, promised, &recovery, restores)) {
    if (result_.violations.size() < kMaxViolations)
      result_.violations.push_back(where + ": " + violation);
  }
  if (depth < options_.depth && recovery.disk)
    run(*recovery.disk, recovery.promises, depth + 1, where + ", then");
}

void Sweep::run(const CrashStore& disk, const std::vector<Promise>& promises, unsigned depth,
                const std::string& where) {
  std::set<std::pair<std::vector<const void*>, std::set<int>>> seen;
  // A nested sweep begins with the state that was judged just now.
  if (depth > 1)
    seen.emplace(signature_of(disk.states_after(0, 1, random_, result_.states).at(0)),
                 promised_after(promises, 0));
  for (std::size_t step = depth > 1 ? 1 : 0; step <= disk.steps(); ++step) {
    if (options_.until_first_violation && !result_.violations.empty()) return;
    ++result_.cuts;
    const std::set<int>& promised = promised_after(promises, step);
    for (const auto& contents :
         disk.states_after(step, options_.per_cut, random_, result_.states)) {
      if (!seen.emplace(signature_of(contents), promised).second) continue;
      if (random_() % (depth > 1 ? options_.nested_share : options_.share) != 0) continue;
      judge_one(contents, promised, depth, where + " " + disk.describe(step));
    }
  }
}

}  // namespace

SweepResult sweep_cuts(const CrashScenario& scenario, const SweepOptions& options) {
  CrashStore::Contents start;
  std::set<int> promised;
  {
    CrashStore disk;
    CrashWorld world(disk, disk, {});
    scenario.prepare(world);
    start = disk.contents();
    promised = world.promised();
  }
  CrashStore disk(start, options.mutant);
  CrashWorld world(disk, disk, promised);
  scenario.job(world);
  Sweep sweep(options);
  sweep.run(disk, world.promises(), 1, scenario.name);
  return sweep.take();
}

}  // namespace coppice::test
