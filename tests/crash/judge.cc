#include "judge.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "prune/removal.h"
#include "repo/object_names.h"
#include "repo/session_beat.h"
#include "restore/restore.h"
#include "snapshot/snapshot_record.h"
#include "verify/verify.h"

namespace coppice::test {
namespace {

constexpr std::size_t kMaxViolations = 20;

/// Negative if it is what a repair has left of that version.
int version_of(const LoggedSnapshot& snapshot) {
  const SnapshotRecord record = decode_snapshot(snapshot.record);
  const int version = std::stoi(record.tags.at(0));
  return record.is_incomplete ? -version : version;
}

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Judges one state.
class Judge {
 public:
  Judge(const CrashStore::Contents& contents, std::set<int> promised, const Aftermath& aftermath,
        Recovery* recovery, bool restores)
      : restores_(restores),
        aftermath_(aftermath),
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
  /// The heaviest findings of `verify` that are no violation.
  enum class Allowed { notes, healable, damage };

  void judge();
  void expect_verified(const std::string& when, Allowed allowed);
  void expect_promised(bool restores);
  void expect_restorable(const LoggedSnapshot& snapshot);
  void expect_no_complaint(const std::string& who);
  void recover();
  void back_up();
  void collect();
  void expect_nothing_left_behind();
  std::set<std::string> orphans() const;
  void wrong(const std::string& what) { violations_.push_back(what); }
  bool is_hurt() const { return !aftermath_.hurt.empty(); }
  /// It was damaged before the job, and nobody has said that it is healed.
  bool may_be_lost(int version) const {
    return aftermath_.starts_damaged && !promised_.contains(version);
  }

  const bool restores_;
  const Aftermath& aftermath_;
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
  expect_verified("after the cut", aftermath_.starts_damaged ? Allowed::damage : Allowed::healable);
  expect_promised(restores_);
  repository_.reset();
  recover();
  back_up();
  if (restores_ && !is_hurt()) collect();
  repository_.reset();
  if (recovery_ != nullptr) *recovery_ = {std::move(disk_), world_.promises()};
}

void Judge::expect_verified(const std::string& when, Allowed allowed) {
  FindingList with_key;
  FindingList without;
  VerifyOptions options;
  options.read_data = true;
  verify_repository(*repository_, world_.pool, options, with_key);
  verify_keyless(*disk_, world_.pool, {}, without);
  for (const FindingList* list : {&with_key, &without}) {
    for (const Finding& finding : list->all) {
      if (finding.weight == Finding::Weight::note || allowed == Allowed::damage) continue;
      if (allowed == Allowed::healable && finding.weight == Finding::Weight::healable) continue;
      wrong("verify " + when + ": " + finding.code + " " + finding.item + ": " + finding.message);
    }
  }
}

void Judge::expect_promised(bool restores) {
  std::set<int> missing = promised_;
  missing.erase(Versions::kRepository);
  std::set<int> seen;
  const auto visible = repository_->state().visible_snapshots();
  for (auto at = visible.rbegin(); at != visible.rend(); ++at) {
    const int version = version_of(**at);
    missing.erase(version);
    if (!seen.insert(version).second || !restores) continue;
    try {
      expect_restorable(**at);
    } catch (const Error& error) {
      if (!may_be_lost(version) || !error.is_about_bytes()) throw;
      std::filesystem::remove_all(scratch_ / "out");
    }
  }
  for (const int version : missing) wrong("version " + std::to_string(version) + " is lost");
}

/// What came back of a version.
struct Restored {
  std::size_t files = 0;
  std::size_t right = 0;

  static Restored of(const std::filesystem::path& directory, int version) {
    Restored restored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
      restored.files += entry.is_regular_file() ? 1U : 0U;
    for (const auto& [path, bytes] : Versions::content(version)) {
      const bool is_there = std::filesystem::exists(directory / path);
      restored.right += is_there && file_bytes(directory / path) == bytes ? 1U : 0U;
    }
    return restored;
  }
};

/// Of a version that has lost content, and of what was made of it, some files may be missing; but
/// none may be wrong, and of the former it must be said.
void Judge::expect_restorable(const LoggedSnapshot& snapshot) {
  const int version = version_of(snapshot);
  RestoreOptions options;
  options.target = scratch_ / "out";
  options.sub_path = "/src";
  options.no_space_check = true;
  FindingList findings;
  restore_snapshot(*repository_, world_.pool, decode_snapshot(snapshot.record).root, options,
                   findings);
  const bool is_told =
      findings.count(Finding::Weight::damaged) + findings.count(Finding::Weight::partial) > 0;
  const Restored restored = Restored::of(scratch_.path() / "out", std::abs(version));
  const bool is_whole = restored.right == Versions::content(std::abs(version)).size();
  const bool may_lack = version < 0 || aftermath_.hurt.contains(version) || may_be_lost(version);
  // Of damage that it does not meet a restore may tell all the same.
  if (is_told && !may_lack && !(aftermath_.starts_damaged && is_whole))
    wrong("restoring version " + std::to_string(version) + ": " + findings.text());
  // A file that has lost a part stands under its name only if that was told.
  const bool has_wrong = restored.files != restored.right && !is_told;
  const bool is_silent = !is_whole && !is_told && version >= 0;
  if (has_wrong || is_silent || (!is_whole && !may_lack) || restored.right == 0)
    wrong("version " + std::to_string(version) + " restores to something else");
  std::filesystem::remove_all(scratch_ / "out");
}

/// Finished packs that no entry names; a later session of the same slot adopts them.
std::set<std::string> Judge::orphans() const {
  std::set<std::string> names;
  for (const ObjectInfo& object : disk_->list("packs/")) {
    Id name;
    const std::string last = object.name.substr(object.name.rfind('/') + 1);
    const LiveObjects& objects = repository_->state().objects;
    if (from_hex(last, name.bytes) && !objects.is_live(name) && !objects.is_deleted(name))
      names.insert(object.name);
  }
  return names;
}

void Judge::expect_no_complaint(const std::string& who) {
  for (const Finding& finding : world_.findings.all) {
    const bool is_grave =
        finding.weight == Finding::Weight::damaged || finding.weight == Finding::Weight::partial;
    if (is_grave && !is_hurt()) wrong(who + " reports " + finding.code + " " + finding.item);
  }
  world_.findings.all.clear();
}

void Judge::recover() {
  world_.findings.all.clear();
  if (aftermath_.recover == nullptr) return;
  aftermath_.recover(world_);
  if (!aftermath_.starts_damaged) expect_no_complaint("the next run of the job");
  world_.findings.all.clear();
  promised_.insert(world_.promised().begin(), world_.promised().end());
}

void Judge::back_up() {
  world_.backup(Versions::kNext);
  expect_no_complaint("the next backup");
  repository_ = world_.open();
  for (const std::string& name : orphans()) wrong("finished and not adopted: " + name);
  promised_.insert(Versions::kNext);
  expect_promised(restores_);
  expect_verified("after the next backup", is_hurt() ? Allowed::damage : Allowed::notes);
}

void Judge::collect() {
  world_.prune(*repository_, {});
  expect_no_complaint("the next collection");
  repository_ = world_.open();
  expect_promised(false);
  expect_verified("after the next collection", Allowed::notes);
  expect_nothing_left_behind();
}

/// Every file must be one that the log or the header tells of. The marker of a session that died,
/// and its record, stay until something is collected: then such sessions are waited for.
void Judge::expect_nothing_left_behind() {
  std::set<std::string> known;
  for (const auto& [name, object] : repository_->state().objects.live()) {
    for (const std::string& file : files_of(object)) known.insert(file);
  }
  std::set<Id> dead;
  for (const ObjectInfo& object : disk_->list("sessions/")) {
    if (const auto beat = parse_beat_name(object.name)) dead.insert(beat->session);
  }
  for (const Id& session : dead) {
    known.insert(session_name(session));
    known.insert(copy_name(session_name(session)));
  }
  for (const char* folder : {"packs/", "index/", "sessions/"}) {
    for (const ObjectInfo& object : disk_->list(folder)) {
      if (!known.contains(object.name) && !parse_beat_name(object.name))
        wrong("left behind: " + object.name);
    }
  }
}

}  // namespace

Violations judge(const CrashStore::Contents& contents, const std::set<int>& promised,
                 const Aftermath& aftermath, Recovery* recovery, bool restores) {
  return Judge(contents, promised, aftermath, recovery, restores).run();
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
  Sweep(const SweepOptions& options, const Aftermath& aftermath)
      : options_(options), aftermath_(aftermath), random_(options.seed) {}

  /// All states of this disk; those of the recoveries from them, too, if the depth says so.
  void run(const CrashStore& disk, const std::vector<Promise>& promises, unsigned depth,
           const std::string& where);

  SweepResult take() { return std::move(result_); }
  const SweepResult& result() const { return result_; }

 private:
  void judge_one(const CrashStore::Contents& contents, const std::set<int>& promised,
                 unsigned depth, const std::string& where);

  const SweepOptions& options_;
  const Aftermath& aftermath_;
  std::mt19937_64 random_;
  SweepResult result_;
};

void Sweep::judge_one(const CrashStore::Contents& contents, const std::set<int>& promised,
                      unsigned depth, const std::string& where) {
  ++result_.judged;
  Recovery recovery;
  const bool restores = depth == 1 || result_.judged % 8 == 0;
  for (const std::string& violation : judge(contents, promised, aftermath_, &recovery, restores)) {
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
  Sweep sweep(options, scenario.aftermath);
  sweep.run(disk, world.promises(), 1, scenario.name);
  return sweep.take();
}

}  // namespace coppice::test
