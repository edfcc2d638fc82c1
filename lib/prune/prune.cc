#include "prune/prune.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/held_findings.h"
#include "crypto/random.h"
#include "prune/index_upkeep.h"
#include "prune/survey.h"
#include "repo/block_mover.h"
#include "repo/object_names.h"
#include "repo/reserve.h"
#include "repo/role_rights.h"
#include "repo/session_beat.h"
#include "repo/side_file.h"

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
        remover_(repository.store(), once_, options.is_dry_run),
        own_session_(random_id<Id>(system_random())) {}

  PruneResult run();

 private:
  void expect_may_collect() const;
  bool attempt();
  std::unique_ptr<Survey> try_survey(HeldFindings& held);
  void fill_in(const Survey& survey, const PackPlan& plan);
  void add_up_dry_run(const Survey& survey, const PackPlan& plan);
  void move_blocks(Survey& survey, const PackPlan& plan);
  void move_pack(Survey& survey, const PackView& pack, BlockMover& mover);
  bool vouches_for(const PackView& pack) const;
  void prove(Survey& survey, const PackView& pack) const;
  void log_moved(Survey& survey, const std::vector<ObjectRef>& added);
  void drop(const std::vector<ObjectRef>& packs);
  void condemn(const Survey& survey, const PackPlan& plan);
  bool try_delete(Survey& survey);
  LogAppend make_delete(const Survey& survey, const std::set<Id>& packs, const LogState& state);
  void add_sessions(const Survey& survey, const std::set<Id>& packs, const LogState& state,
                    LogAppend& entry, RemoveBody& body) const;
  std::vector<ObjectRef> session_records(const LogState& state) const;
  std::set<Id> live_markers() const;
  /// Appends; false if `make` gave up. Releases the reserve if there is no room.
  bool try_append(const Log::MakeEntry& make);
  /// For what makes an entry: the log has gone on, or there is nothing to say.
  [[noreturn]] void give_up();
  void finish();
  void tell(const std::string& phase) const {
    if (options_.on_phase) options_.on_phase(phase);
  }

  Repository& repository_;
  const PruneOptions& options_;
  OnceSink once_;
  Remover remover_;
  const Id own_session_;
  std::vector<ObjectRef> dropped_;
  PruneResult result_;
  bool has_given_up_ = false;
  bool is_nothing_to_say_ = false;
  // Of one attempt.
  std::set<Id> own_condemned_;
  std::set<Id> moved_;              // packs of which all that is needed lies elsewhere now
  std::vector<ObjectRef> orphans_;  // packs that the log does not know, to be deleted with it
  std::set<Id> ending_;             // snapshots that were forgotten when it began
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

void Collector::give_up() {
  has_given_up_ = true;
  throw Error(ErrorKind::failed, "the log has gone on");
}

bool Collector::try_append(const Log::MakeEntry& make) {
  has_given_up_ = false;
  const auto append = [&] {
    try {
      repository_.append(make);
    } catch (const Error&) {
      if (!has_given_up_) throw;
    }
  };
  if (with_reserve(repository_.store(), once_, append)) result_.is_reserve_released = true;
  return !has_given_up_;
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
  for (const std::size_t i : plan.moved()) result_.bytes_rewritten += packs[i].live_bytes;
  result_.packs_moved = plan.moved().size();
  std::set<std::size_t> going(plan.dead.begin(), plan.dead.end());
  for (const std::size_t i : plan.moved()) going.insert(i);
  for (std::size_t i = 0; i < packs.size(); ++i) {
    if (packs[i].is_dead() && packs[i].is_condemned) going.insert(i);
  }
  for (const std::size_t i : going) {
    if (const ObjectRef* object = state.objects.find(packs[i].name))
      remover_.remove_object(*object);
  }
  for (const ObjectRef& orphan : survey.useless_orphans(state)) remover_.remove_object(orphan);
  remover_.remove_spent(state);
  for (const LoggedSnapshot& snapshot : state.snapshots) {
    const bool ends = snapshot.is_forgotten || state.is_void(snapshot) ||
                      options_.as_if_forgotten.contains(snapshot.id);
    if (ends) ++result_.snapshots_collected;
  }
}

/// True if moving a block out of this pack, and so signing for what it holds, tells others nothing
/// that they did not believe anyway. Only owners are believed by all.
bool Collector::vouches_for(const PackView& pack) const {
  const LogState& state = repository_.state();
  if (repository_.keyring().role() != Role::owner || pack.writer == repository_.keyring().slot() ||
      state.attested.contains(pack.name)) {
    return true;
  }
  const auto certificate = state.certificates.find(pack.writer);
  return certificate != state.certificates.end() && certificate->second.body.role == Role::owner &&
         !state.revoked_from.contains(pack.writer);
}

/// Opens what is to be moved and compares it with its ids: else a writer's false table would turn
/// into an owner's word, on which all other writers rely. Throws Error{damaged}.
void Collector::prove(Survey& survey, const PackView& pack) const {
  const IndexRun& run = survey.blocks().index().runs()[pack.run];
  for (std::size_t c = 0; c < run.chunks().size(); ++c) {
    const ChunkRecord& chunk = run.chunks()[c];
    const bool is_moved = chunk.block >= pack.first_block &&
                          chunk.block < pack.first_block + pack.block_count &&
                          survey.live().is_live(pack.run, chunk.block);
    if (!is_moved) continue;
    const auto raw = survey.blocks().read_cached(
        {&run, pack.run, chunk.block, chunk.offset, chunk.length(), chunk.is_delta()});
    const auto chunk_class = static_cast<ChunkClass>(run.blocks()[chunk.block].chunk_class);
    if (repository_.keyring()
            .identity(chunk_class)
            .id(ByteView(*raw).subspan(chunk.offset, chunk.length())) != chunk.id) {
      throw_damaged(pack_name(pack.name) + ": chunk " + chunk.id.short_hex() +
                    " is not what its table says");
    }
  }
}

void Collector::move_pack(Survey& survey, const PackView& pack, BlockMover& mover) {
  try {
    if (!vouches_for(pack)) prove(survey, pack);
    mover.add(pack.name, pack.length, [&](std::size_t block) {
      return survey.live().is_live(pack.run, pack.first_block + static_cast<std::uint32_t>(block));
    });
    moved_.insert(pack.name);
  } catch (const Error& error) {  // per item: it stays as it is
    if (!error.is_about_bytes()) throw;
    once_.report({Finding::Weight::damaged, "pack_damaged", pack_name(pack.name),
                  std::string(error.what()) + "; it was left as it is"});
  }
}

void Collector::move_blocks(Survey& survey, const PackPlan& plan) {
  const std::vector<std::size_t> moving = plan.moved();
  if (moving.empty()) return;
  tell("moving");
  const auto& packs = survey.live().packs();
  BlockMover mover(repository_.store(), repository_.keyring(), repository_.state(),
                   repository_.parity());
  std::vector<ObjectRef> added;
  try {
    for (const std::size_t i : moving) {
      if (options_.stop != nullptr) options_.stop->check();
      move_pack(survey, packs[i], mover);
    }
    added = mover.finish();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_space) throw;
    once_.report({Finding::Weight::note, "no_room_to_move", repository_.store().description(),
                  "packs that are partly dead are left as they are, for want of room: run prune "
                  "again once it has freed some"});
    moved_.clear();
    return drop(mover.take_published());
  }
  survey.note_own(added, mover.sessions());
  log_moved(survey, added);
  result_.bytes_rewritten += mover.written_bytes();
  result_.packs_moved += moved_.size();
}

void Collector::log_moved(Survey& survey, const std::vector<ObjectRef>& added) {
  if (added.empty()) return;
  const bool is_logged = try_append([&](const LogState& state) {
    if (!survey.is_still_true(state, own_condemned_)) give_up();
    return LogAppend{LogEntryType::index_set, added, {}, {}, encode_names({})};
  });
  if (is_logged) return;
  moved_.clear();
  drop(added);
}

/// Own new packs that are not wanted after all.
void Collector::drop(const std::vector<ObjectRef>& packs) {
  dropped_.insert(dropped_.end(), packs.begin(), packs.end());
}

void Collector::condemn(const Survey& survey, const PackPlan& plan) {
  std::set<Id> names;
  for (const std::size_t i : plan.dead) names.insert(survey.live().packs()[i].name);
  names.insert(moved_.begin(), moved_.end());
  std::erase_if(names, [this](const Id& name) {
    return repository_.state().condemned.contains(name) ||
           !repository_.state().objects.is_live(name);
  });
  if (names.empty()) return;
  const bool is_condemned = try_append([&](const LogState& state) {
    if (!survey.is_still_true(state, own_condemned_)) give_up();
    return LogAppend{LogEntryType::condemn, {}, {}, encode_names({names.begin(), names.end()}), {}};
  });
  if (is_condemned) own_condemned_ = names;
}

/// Sessions that show a marker now.
std::set<Id> Collector::live_markers() const {
  std::set<Id> sessions;
  for (const ObjectInfo& object : repository_.store().list("sessions/")) {
    if (const auto beat = parse_beat_name(object.name)) sessions.insert(beat->session);
  }
  return sessions;
}

/// Records whose boxes the log has are superfluous, and those of sessions that came to nothing;
/// boxes of which no block is left too. Those of sessions that may still publish, or of whose packs
/// some may still be adopted, stay.
void Collector::add_sessions(const Survey& survey, const std::set<Id>& packs, const LogState& state,
                             LogAppend& entry, RemoveBody& body) const {
  // Records before markers: a session puts its marker first and takes it away last.
  const std::vector<ObjectRef> records = session_records(state);
  const std::set<Id> running = live_markers();
  const std::set<Id> of_orphans = survey.orphan_sessions(state);
  for (const ObjectRef& record : records) {
    const bool is_needed =
        running.contains(record.name) ||
        (of_orphans.contains(record.name) && !state.session_boxes.contains(record.name));
    if (!is_needed) entry.deletes.push_back(record);
  }
  const auto left = survey.sessions_left(packs);
  if (!left) return;
  for (const auto& [session, boxes] : state.session_boxes) {
    const bool is_needed = left->contains(session) || of_orphans.contains(session) ||
                           running.contains(session) || !survey.knew_session(session);
    if (!is_needed) body.sessions.push_back(session);
  }
}

/// Those that the log knows, and those that are there without its knowing.
std::vector<ObjectRef> Collector::session_records(const LogState& state) const {
  std::vector<ObjectRef> records;
  for (const auto& [name, object] : state.objects.live()) {
    if (object.kind == ObjectKind::session && state.session_boxes.contains(name))
      records.push_back(object);
  }
  for (const ObjectInfo& object : repository_.store().list("sessions/")) {
    Id session;
    const std::string_view name = object.name;
    const bool is_record = from_hex(name.substr(name.find('/') + 1), session.bytes);
    if (is_record && !state.objects.is_live(session) && !state.objects.is_deleted(session))
      records.push_back({ObjectKind::session, Side::copy, session, object.size});
  }
  return records;
}

LogAppend Collector::make_delete(const Survey& survey, const std::set<Id>& packs,
                                 const LogState& state) {
  LogAppend entry;
  entry.type = LogEntryType::remove;
  RemoveBody body;
  for (const Id& name : packs) entry.deletes.push_back(*state.objects.find(name));
  for (const auto& [name, object] : state.objects.live()) {
    if (object.kind == ObjectKind::index && !state.index_names.contains(name))
      entry.deletes.push_back(object);
  }
  for (const ObjectRef& orphan : orphans_) {
    if (!state.objects.is_live(orphan.name) && !state.objects.is_deleted(orphan.name))
      entry.deletes.push_back(orphan);
  }
  add_sessions(survey, packs, state, entry, body);
  for (const LoggedSnapshot& snapshot : state.snapshots) {
    const bool is_gone = snapshot.is_forgotten || state.is_void(snapshot);
    if (is_gone && ending_.contains(snapshot.id)) body.snapshots.push_back(snapshot.id);
  }
  is_nothing_to_say_ = entry.deletes.empty() && body.snapshots.empty() && body.sessions.empty();
  if (is_nothing_to_say_) give_up();
  result_.snapshots_collected = body.snapshots.size();
  entry.body = encode_remove_body(body);
  return entry;
}

/// False if others have changed what this attempt stands on.
bool Collector::try_delete(Survey& survey) {
  std::set<Id> packs = moved_;
  for (const PackView& pack : survey.live().packs()) {
    if (pack.is_dead()) packs.insert(pack.name);
  }
  while (true) {
    if (options_.stop != nullptr) options_.stop->check();
    repository_.refresh();
    if (!survey.is_still_true(repository_.state(), own_condemned_)) return false;
    if (!survey.knows_all(repository_.state())) {
      tell("marking what came since");
      for (const Id& needed : survey.mark_news()) packs.erase(needed);
    }
    std::erase_if(packs,
                  [this](const Id& name) { return !repository_.state().condemned.contains(name); });
    is_nothing_to_say_ = false;
    const bool is_done = try_append([&](const LogState& state) {
      if (!survey.is_still_true(state, own_condemned_) || !survey.knows_all(state)) give_up();
      return make_delete(survey, packs, state);
    });
    if (is_done || is_nothing_to_say_) return true;
  }
}

/// What cannot be read may have been deleted by another collector since the log was read: nothing
/// then, and nothing is said about it. `held` must outlive the survey.
std::unique_ptr<Survey> Collector::try_survey(HeldFindings& held) {
  const std::uint64_t began_at = repository_.state().objects.deleted().size();
  std::optional<Error> failure;
  std::unique_ptr<Survey> survey;
  try {
    survey = std::make_unique<Survey>(repository_, options_, held);
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
  ending_.clear();
  repository_.refresh();
  expect_may_collect();
  for (const LoggedSnapshot& snapshot : repository_.state().snapshots) {
    if (snapshot.is_forgotten || repository_.state().is_void(snapshot)) ending_.insert(snapshot.id);
  }
  tell("marking");
  HeldFindings held;
  const std::unique_ptr<Survey> surveyed = try_survey(held);
  if (!surveyed) return false;
  Survey& survey = *surveyed;
  const PackPlan plan = plan_packs(survey.live().packs(), options_.limits);
  fill_in(survey, plan);
  if (options_.is_dry_run) {
    add_up_dry_run(survey, plan);
    return true;
  }
  orphans_ = survey.useless_orphans(repository_.state());
  move_blocks(survey, plan);
  condemn(survey, plan);
  // After the condemn entry: whoever shows up later has read it.
  SessionWatch watch(repository_.store(), own_session_, options_.time, options_.stop);
  orphans_.insert(orphans_.end(), dropped_.begin(), dropped_.end());
  if (!repository_.state().condemned.empty() || !orphans_.empty()) {
    tell("waiting for sessions");
    const bool is_quiet = watch.wait(options_.patience);
    for (const std::string& marker : watch.dead_markers()) remover_.remove(marker);
    result_.sessions_waited_for = watch.left();
    if (!is_quiet) return true;
  }
  tell("deleting");
  const bool is_done = try_delete(survey);
  if (is_done) held.hand_over(once_);
  return is_done;
}

void Collector::finish() {
  tell("removing");
  remover_.remove_spent(repository_.state());
  tidy_index_objects(repository_, once_);
  repository_.maintain(once_);
  remover_.remove_old_log(repository_.state());
  put_reserve(repository_.store());
  result_.packs_left_condemned = repository_.state().condemned.size();
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
  result_.removed = remover_.total();
  return result_;
}

}  // namespace

PruneResult run_prune(Repository& repository, const PruneOptions& options, FindingSink& findings) {
  return Collector(repository, options, findings).run();
}

}  // namespace coppice
