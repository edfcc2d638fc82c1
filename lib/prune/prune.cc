#include "prune/prune.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/held_findings.h"
#include "base/units.h"
#include "crypto/random.h"
#include "prune/collector_log.h"
#include "prune/delete_entry.h"
#include "prune/index_upkeep.h"
#include "prune/pack_mover.h"
#include "prune/survey.h"
#include "repo/reserve.h"
#include "repo/role_rights.h"
#include "repo/session_beat.h"

/// The order of a collection, step by step; why nothing is lost stands in prune.h. What can go is
/// found by Survey and plan_packs, blocks are moved by PackMover, the `delete` entry is made by
/// make_delete_entry, and Remover takes the files away.
namespace coppice {
namespace {

/// So often a run begins anew because other collectors were at work; then it leaves the rest to
/// them.
constexpr int kAttempts = 8;

class Collector {
 public:
  Collector(Repository& repository, const PruneOptions& options, FindingSink& findings)
      : repository_(repository),
        options_(options),
        once_(findings),
        log_(repository, once_),
        remover_(repository.store(), once_, options.is_dry_run),
        own_session_(random_id<Id>(system_random())) {}

  PruneResult run();

 private:
  void expect_may_collect() const;
  bool attempt();
  bool collect(Survey& survey, const PackPlan& plan);
  std::unique_ptr<Survey> try_survey(HeldFindings& held);
  void fill_in(const Survey& survey, const PackPlan& plan);
  void add_up_dry_run(const Survey& survey, const PackPlan& plan);
  void find_orphans(const Survey& survey);
  void move_blocks(Survey& survey, const PackPlan& plan);
  void condemn(const Survey& survey, const PackPlan& plan);
  void note_unused(const Survey& survey);
  void note_unused_of_news(const Survey& survey);
  bool wait_for_sessions();
  bool try_delete(Survey& survey);
  void finish();
  void sum_up_unused();
  void advise_on_room();
  void tell(const std::string& phase) const {
    if (options_.on_phase) options_.on_phase(phase);
  }

  Repository& repository_;
  const PruneOptions& options_;
  OnceSink once_;
  CollectorLog log_;
  Remover remover_;
  const Id own_session_;
  std::vector<ObjectRef> dropped_;  // own new packs that are not wanted after all
  PruneResult result_;
  // Of one attempt.
  std::set<Id> own_condemned_;
  std::set<Id> moved_;                   // packs of which all that is needed lies elsewhere now
  std::vector<ObjectRef> orphans_;       // objects that the log does not know, deleted with it
  std::vector<std::string> lone_sides_;  // files beside objects that were never finished
  std::uint64_t room_wanted_ = 0;        // bytes; to move what was left for want of it
  std::uint64_t least_room_wanted_ = 0;  // and to move the first pack of it
  std::map<Id, std::uint64_t> unused_;   // by pack: sealed bytes that nobody needs, if it stays
  std::set<Id> ending_;                  // snapshots that were forgotten when it began
};

void Collector::expect_may_collect() const {
  const LogState& state = repository_.state();
  if (state.is_read_only()) {
    throw Error(ErrorKind::newer_version,
                "the log holds what only a newer coppice can judge: nothing is deleted");
  }
  if (state.collection_is_stopped()) {
    throw Error(ErrorKind::damaged,
                "the log has broken entries, so nobody knows what is still needed: nothing is "
                "deleted until an owner has declared them void; `coppice verify` names them");
  }
  if (!may_append(repository_.keyring().role(), LogEntryType::remove)) {
    throw Error(ErrorKind::refused, "this key slot's role is " +
                                        std::string(role_word(repository_.keyring().role())) +
                                        ": only auditors and owners may collect");
  }
}

void Collector::fill_in(const Survey& survey, const PackPlan& plan) {
  const auto& packs = survey.live().packs();
  result_.snapshots = survey.snapshots();
  result_.packs = packs.size();
  result_.used_bytes = plan.used_bytes;
  result_.unused_bytes = plan.unused_bytes + plan.dead_bytes;
  result_.unused_after = plan.unused_after;
  result_.packs_dead = static_cast<std::uint64_t>(
      std::count_if(packs.begin(), packs.end(), [](const PackView& p) { return p.is_dead(); }));
}

/// What would go if no session had to be waited for.
void Collector::add_up_dry_run(const Survey& survey, const PackPlan& plan) {
  const LogState& state = repository_.state();
  const auto& packs = survey.live().packs();
  find_orphans(survey);
  Collected going{survey.lost_packs(state), orphans_, ending_};
  std::uint64_t live_bytes = 0;
  for (const std::size_t i : plan.moved()) {
    live_bytes += packs[i].live_bytes;
    going.packs.insert(packs[i].name);
  }
  for (const PackView& pack : packs) {
    if (pack.is_dead()) going.packs.insert(pack.name);
  }
  std::erase_if(going.packs, [&](const Id& name) { return !state.objects.is_live(name); });
  result_.packs_moved = plan.moved().size();
  result_.bytes_rewritten = length_of_moved(live_bytes);
  const DeleteEntry entry = make_delete_entry(repository_.store(), survey, going, state);
  for (const ObjectRef& object : entry.append.deletes) remover_.remove_object(object);
  remover_.remove_lone_sides(lone_sides_, state);
  remover_.remove_spent(state);
  for (const LoggedSnapshot& snapshot : state.snapshots) {
    const bool ends = snapshot.is_forgotten || state.is_void(snapshot) ||
                      options_.as_if_forgotten.contains(snapshot.id);
    if (ends) ++result_.snapshots_collected;
  }
}

/// What runs that died have left behind. Before the sessions are watched: whoever is still about to
/// publish what is listed here lives then.
void Collector::find_orphans(const Survey& survey) {
  orphans_ = survey.useless_orphans(repository_.state());
  lone_sides_ = find_lone_sides(repository_.store(), repository_.state());
}

void Collector::move_blocks(Survey& survey, const PackPlan& plan) {
  const std::vector<std::size_t> moving = plan.moved();
  if (moving.empty()) return;
  tell("moving");
  PackMover mover({repository_, log_, once_, options_.stop}, survey);
  mover.move(moving);
  room_wanted_ = mover.room_wanted();
  least_room_wanted_ = mover.least_room_wanted();
  moved_ = mover.moved();
  dropped_.insert(dropped_.end(), mover.dropped().begin(), mover.dropped().end());
  result_.bytes_rewritten += mover.written_bytes();
  result_.packs_moved += moved_.size();
}

/// What a pack holds in vain if it is still there at the end.
void Collector::note_unused(const Survey& survey) {
  for (const PackView& pack : survey.live().packs())
    unused_[pack.name] = pack.dead_bytes + (moved_.contains(pack.name) ? pack.live_bytes : 0);
}

/// After mark_news: of packs that were about to go the survey now tells what is needed after all.
void Collector::note_unused_of_news(const Survey& survey) {
  for (const PackView& pack : survey.live().packs()) {
    const auto noted = unused_.find(pack.name);
    if (noted != unused_.end() && pack.is_condemned)
      noted->second = std::min(noted->second, pack.dead_bytes);
  }
}

void Collector::sum_up_unused() {
  result_.unused_after = 0;
  for (const auto& [name, bytes] : unused_) {
    if (repository_.state().objects.is_live(name)) result_.unused_after += bytes;
  }
}

/// Only now it is known what the run has freed.
void Collector::advise_on_room() {
  if (room_wanted_ == 0) return;
  const bool has_freed = !moved_.empty() || remover_.total().bytes >= least_room_wanted_;
  once_.report(
      {Finding::Weight::note, "no_room_to_move", repository_.store().description(),
       "packs that are partly dead are left as they are, for want of room: what is needed of them "
       "takes about " +
           std::to_string(room_wanted_) + " bytes (" + format_size(room_wanted_) + ") anew; " +
           (has_freed ? "this run makes room for more: run prune again"
                      : "make room on the target beside the repository, or forget more snapshots, "
                        "and run prune again")});
}

void Collector::condemn(const Survey& survey, const PackPlan& plan) {
  std::set<Id> names;
  for (const std::size_t i : plan.dead) names.insert(survey.live().packs()[i].name);
  names.insert(moved_.begin(), moved_.end());
  names.merge(survey.lost_packs(repository_.state()));
  std::erase_if(names, [this](const Id& name) {
    return repository_.state().condemned.contains(name) ||
           !repository_.state().objects.is_live(name);
  });
  if (names.empty()) return;
  const bool is_condemned = log_.try_append([&](const LogState& state) -> std::optional<LogAppend> {
    if (!survey.is_still_true(state, own_condemned_)) return std::nullopt;
    return LogAppend{LogEntryType::condemn, {}, {}, encode_names({names.begin(), names.end()}), {}};
  });
  if (is_condemned) own_condemned_ = names;
}

/// After the condemn entry: whoever shows up later has read it. False if one still lives.
bool Collector::wait_for_sessions() {
  SessionWatch watch(repository_.store(), own_session_, options_.time, options_.stop);
  const bool has_reason =
      !repository_.state().condemned.empty() || !orphans_.empty() || !lone_sides_.empty();
  if (!has_reason) return true;
  tell("waiting for sessions");
  const bool is_quiet = watch.wait(options_.patience);
  for (const std::string& marker : watch.dead_markers()) remover_.remove(marker);
  result_.sessions_waited_for = watch.left();
  return is_quiet;
}

/// False if others have changed what this attempt stands on.
bool Collector::try_delete(Survey& survey) {
  Collected collected{moved_, orphans_, ending_};
  for (const PackView& pack : survey.live().packs()) {
    if (pack.is_dead()) collected.packs.insert(pack.name);
  }
  collected.packs.merge(survey.lost_packs(repository_.state()));
  while (true) {
    if (options_.stop != nullptr) options_.stop->check();
    repository_.refresh();
    if (!survey.is_still_true(repository_.state(), own_condemned_)) return false;
    if (!survey.knows_all(repository_.state())) {
      tell("marking what came since");
      for (const Id& needed : survey.mark_news()) collected.packs.erase(needed);
      note_unused_of_news(survey);
    }
    std::erase_if(collected.packs,
                  [this](const Id& name) { return !repository_.state().condemned.contains(name); });
    bool is_nothing_to_say = false;
    const auto make = [&](const LogState& state) -> std::optional<LogAppend> {
      if (!survey.is_still_true(state, own_condemned_) || !survey.knows_all(state))
        return std::nullopt;
      DeleteEntry entry = make_delete_entry(repository_.store(), survey, collected, state);
      is_nothing_to_say = entry.is_empty();
      if (is_nothing_to_say) return std::nullopt;
      result_.snapshots_collected = entry.snapshots;
      return std::move(entry.append);
    };
    if (log_.try_append(make) || is_nothing_to_say) return true;
  }
}

/// What cannot be read may have been deleted by another collector since the log was read: nothing
/// then, and nothing is said about it. `held` must outlive the survey.
std::unique_ptr<Survey> Collector::try_survey(HeldFindings& held) {
  const std::uint64_t began_at = repository_.state().objects.deleted().size();
  std::optional<Error> failure;
  std::unique_ptr<Survey> survey;
  try {
    survey = std::make_unique<Survey>(repository_, options_, ending_, held);
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    failure = error;
  }
  if (failure || !held.is_empty()) {
    repository_.refresh();
    const bool is_overtaken = survey ? !survey->is_still_true(repository_.state(), {})
                                     : repository_.state().objects.deleted().size() != began_at;
    if (is_overtaken) return nullptr;
  }
  held.hand_over(once_);
  if (failure) throw *failure;
  return survey;
}

/// True if this was all.
bool Collector::attempt() {
  own_condemned_.clear();
  moved_.clear();
  room_wanted_ = 0;
  unused_.clear();
  ending_.clear();
  repository_.refresh();
  expect_may_collect();
  for (const LoggedSnapshot& snapshot : repository_.state().snapshots) {
    if (snapshot.is_forgotten || repository_.state().is_void(snapshot)) ending_.insert(snapshot.id);
  }
  tell("marking");
  HeldFindings held;
  const std::unique_ptr<Survey> survey = try_survey(held);
  if (!survey) return false;
  const PackPlan plan = plan_packs(survey->live().packs(), options_.limits);
  fill_in(*survey, plan);
  if (options_.is_dry_run) {
    add_up_dry_run(*survey, plan);
    return true;
  }
  const bool is_done = collect(*survey, plan);
  if (is_done) held.hand_over(once_);
  return is_done;
}

/// False if others have changed what this attempt stands on.
bool Collector::collect(Survey& survey, const PackPlan& plan) {
  find_orphans(survey);
  move_blocks(survey, plan);
  note_unused(survey);
  condemn(survey, plan);
  orphans_.insert(orphans_.end(), dropped_.begin(), dropped_.end());
  if (!wait_for_sessions()) return true;  // what is condemned stays for a later run
  tell("deleting");
  if (!try_delete(survey)) return false;
  remover_.remove_lone_sides(lone_sides_, repository_.state());
  return true;
}

void Collector::finish() {
  tell("removing");
  remover_.remove_spent(repository_.state());
  tidy_index_objects(repository_, once_);
  repository_.maintain(once_);
  remover_.remove_old_log(repository_.state());
  try_put_reserve(repository_.store());
  result_.packs_left_condemned = repository_.state().condemned.size();
  sum_up_unused();
  advise_on_room();
}

PruneResult Collector::run() {
  expect_may_collect();
  std::optional<SessionBeat> beat;
  if (!options_.is_dry_run) {
    beat.emplace(repository_.store(), own_session_);
    // An interrupted run may have left what the log says is gone.
    remover_.remove_spent(repository_.state());
  }
  for (int i = 0; i < kAttempts && !attempt(); ++i) {
  }
  if (!options_.is_dry_run) finish();
  result_.is_reserve_released = log_.is_reserve_released();
  result_.removed = remover_.total();
  return result_;
}

}  // namespace

PruneResult run_prune(Repository& repository, const PruneOptions& options, FindingSink& findings) {
  return Collector(repository, options, findings).run();
}

}  // namespace coppice
