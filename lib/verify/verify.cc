#include "verify/verify.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "crypto/random.h"
#include "repo/in_order.h"
#include "repo/keyless_log.h"
#include "repo/object_names.h"
#include "verify/file_checks.h"
#include "verify/gated_findings.h"
#include "verify/hurt_paths.h"
#include "verify/log_check.h"
#include "verify/pack_findings.h"
#include "verify/pack_read.h"
#include "verify/pack_tables.h"
#include "verify/sample.h"
#include "verify/snapshot_walk.h"
#include "verify/verify_report.h"

/// Verifying with a key, in passes:
///
///   files and log → tables of all packs → all different trees, in parallel → packs, whole →
///   findings → hurt paths
///
/// Each worker reads one pack from end to end, so that a disk sees long runs, nothing waits for
/// anything else, and memory is a few MiB a worker; where there are fewer packs left than
/// processors, idle workers open blocks for the others. One pass over a pack serves its name and
/// its blocks. Without read_data only packs that something was wrong with are read, so that damage
/// always has one judge: the bytes.
namespace coppice {
namespace {

/// So often a verify begins anew because a collector has deleted what it was reading; packs that
/// were read whole and found good are not read again.
constexpr int kAttempts = 5;

/// What earlier attempts have proved. Memory: 64 bytes a pack.
struct ProvedBefore {
  std::set<Id> packs;  ///< whole and good: their names say what is in them
  std::uint64_t blocks = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes_read = 0;
};

class Verifier {
 public:
  Verifier(Repository& repository, ThreadPool& pool, const VerifyOptions& options,
           ProvedBefore& before, FindingSink& sink)
      : repository_(repository),
        pool_(pool),
        options_(options),
        before_(before),
        deleted_at_start_(repository.state().objects.deleted().size()),
        gate_(sink),
        findings_(gate_, result_),
        progress_(options),
        reader_{repository.store(), piece_bytes_for(pool.threads()), options.stop,
                [this](std::uint64_t bytes) { progress_.add_bytes(bytes); }} {}

  /// Nothing, and nothing reported, if a collector came in between and `may_give_up`.
  std::optional<VerifyResult> run(bool may_give_up);

 private:
  void check_files();
  void check_log();
  void check_sessions();
  void check_session_signature(const ObjectRef& session);
  void walk_snapshots();
  std::vector<ObjectRef> packs_to_read() const;
  void add_suspects();
  void read_packs();
  bool is_fine() const;
  bool is_overtaken();
  void report(bool has_changed);

  ObjectRef object(const Id& name) const { return *repository_.state().objects.find(name); }
  TreeTools tree_tools() { return {*chunks_, tables_.index, *verdicts_}; }

  Repository& repository_;
  ThreadPool& pool_;
  const VerifyOptions& options_;
  ProvedBefore& before_;
  const std::size_t deleted_at_start_;
  VerifyResult result_;
  GatedFindings gate_;
  CountingSink findings_;
  ProgressMeter progress_;
  const ObjectReader reader_;
  CheckoutPool<BlockOpener> openers_;

  // Made by one pass after the other.
  PackTables tables_;
  std::unique_ptr<BlockSource> blocks_;
  std::unique_ptr<ChunkReader> chunks_;
  std::unique_ptr<Verdicts> verdicts_;
  std::vector<SnapshotRoot> snapshots_;
  TreesWalked walked_;
  std::vector<DamagedPackRead> damaged_;
};

void Verifier::check_files() {
  check_header(repository_.store(), repository_.id(), findings_);
  std::set<SlotId> slots;
  for (const auto& [slot, certificate] : repository_.state().certificates) {
    if (!repository_.state().revoked_from.contains(slot)) slots.insert(slot);
  }
  check_slots(repository_.store(), repository_.id(), slots, findings_);
  check_readme_and_reserve(repository_.store(), findings_);
  note_unlogged_packs(repository_.store(), repository_.state().objects, findings_);
}

void Verifier::check_log() {
  const KeylessLog log = read_settled_log(repository_.store(), repository_.id());
  report_log(log, &repository_.state(), findings_);
  check_head(repository_.store(), log, repository_.id(), options_.expected_head, findings_);
}

void Verifier::check_session_signature(const ObjectRef& session) {
  const std::string name = session_name(session.name);
  try {
    const ParsedSessionRecord record =
        parse_session_record(repository_.store().read_all(name, kMaxSessionRecordBytes));
    const auto certificate = repository_.state().certificates.find(record.plain.box.writer);
    const bool is_genuine =
        certificate != repository_.state().certificates.end() &&
        record.plain.repository == repository_.id() &&
        is_session_record_signed_by(record, certificate->second.body.signing_key);
    if (!is_genuine) throw_damaged("is not signed by a known slot");
  } catch (const Error& error) {  // per item
    if (error.kind() != ErrorKind::damaged) throw;
    findings_.report({Finding::Weight::damaged, "session_damaged", name, error.what()});
  }
}

void Verifier::check_sessions() {
  std::vector<ObjectRef> sessions;
  for (const auto& [name, each] : repository_.state().objects.live()) {
    if (each.kind == ObjectKind::session) sessions.push_back(each);
  }
  for_each_in_order(
      pool_, sessions, [this](const ObjectRef& session) { return check_object(reader_, session); },
      [this](const ObjectRef& session, const ObjectCheck& check) {
        if (const auto finding = object_finding(session, check)) findings_.report(*finding);
        if (check.object == FileState::intact) check_session_signature(session);
        progress_.add_object(object_name(session));
      });
}

void Verifier::walk_snapshots() {
  snapshots_ = sound_snapshots(repository_, options_.only_snapshot, findings_);
  const std::uint64_t epoch = repository_.state().newest_epoch();
  if (repository_.keyring().class_key(epoch, ChunkClass::metadata) == nullptr) {
    if (snapshots_.empty()) return;
    findings_.report(
        {Finding::Weight::partial, "snapshots_unreadable", "snapshots",
         "a writer's slot cannot read trees: " + std::to_string(snapshots_.size()) +
             " snapshots were not verified; use an auditor's, a reader's or an owner's"});
    snapshots_.clear();
    return;
  }
  const bool wants_packs = options_.only_snapshot && options_.read_data;
  walked_ = walk_trees(tree_tools(), pool_, snapshots_, wants_packs, options_.stop);
  result_.snapshots = snapshots_.size();
  result_.trees = walked_.trees;
}

std::vector<ObjectRef> Verifier::packs_to_read() const {
  std::vector<ObjectRef> packs;
  if (options_.read_data && options_.only_snapshot) {
    for (const std::uint32_t position : walked_.packs) {
      packs.push_back(object(tables_.index.runs().front().packs()[position].name));
    }
  } else if (options_.read_data) {
    for (const auto& [name, each] : repository_.state().objects.live()) {
      if (each.kind == ObjectKind::pack) packs.push_back(each);
    }
  }
  if (options_.sample) packs = take_sample(std::move(packs), *options_.sample, system_random());
  std::erase_if(packs, [this](const ObjectRef& pack) { return before_.packs.contains(pack.name); });
  for (const Id& name : tables_.suspects) packs.push_back(object(name));
  std::sort(packs.begin(), packs.end());
  packs.erase(std::unique(packs.begin(), packs.end()), packs.end());
  return packs;
}

/// Packs in which the walk through the trees met damage.
void Verifier::add_suspects() {
  const auto suspect = [this](const ChunkPlace& place) {
    tables_.suspects.insert(place.pack_record().name);
  };
  for (const Id& id : walked_.bad_metadata) {
    for (const ChunkPlace& place : tables_.index.find(id)) {
      suspect(place);
      for (const BlockBase& base : place.run->bases(place.block_record())) {
        for (const ChunkPlace& of_base : tables_.index.find(base.id)) suspect(of_base);
      }
    }
  }
  // What was healed while it was read is damaged all the same.
  const std::set<Id> healed = blocks_->healed_packs();
  tables_.suspects.insert(healed.begin(), healed.end());
}

void Verifier::read_packs() {
  add_suspects();
  const std::vector<ObjectRef> packs = packs_to_read();
  for (const ObjectRef& pack : packs) progress_.expect(0, pack.length);
  const BlockTools tools{
      repository_.keyring(), repository_.secrets(), tables_.index, *chunks_, openers_, pool_};
  for_each_in_order(
      pool_, packs, [&](const ObjectRef& pack) { return read_pack(reader_, pack, tables_, tools); },
      [&](const ObjectRef& pack, PackRead read) {
        before_.blocks += read.blocks_opened;
        before_.chunks += read.chunks_proved;
        progress_.set_current(pack_name(pack.name));
        if (read.is_clean() && !tables_.unopened.contains(pack.name)) {
          before_.packs.insert(pack.name);
        } else {
          damaged_.push_back({pack, std::move(read)});
        }
      });
  mark_bad_places(tables_, damaged_, *verdicts_);
}

bool Verifier::is_fine() const {
  return damaged_.empty() && tables_.contradicted.empty() && !walked_.is_hurt &&
         verdicts_->all_good();
}

/// True if a collector deleted what we found missing: then that is no damage, and what took its
/// place is not in our index.
bool Verifier::is_overtaken() {
  repository_.refresh();
  const LiveObjects& objects = repository_.state().objects;
  if (objects.deleted().size() == deleted_at_start_) return false;
  return gate_.may_be_overtaken(objects) ||
         std::any_of(damaged_.begin(), damaged_.end(), [&](const DamagedPackRead& each) {
           return objects.is_deleted(each.pack.name);
         });
}

void Verifier::report(bool has_changed) {
  gate_.open();
  if (has_changed) {
    findings_.report({Finding::Weight::partial, "repository_changed", "packs",
                      "packs were deleted while they were verified; verify again"});
    std::erase_if(damaged_, [this](const DamagedPackRead& each) {
      return repository_.state().objects.is_deleted(each.pack.name);
    });
    return report_packs(tables_, damaged_, *verdicts_, findings_);
  }
  if (is_fine()) return;
  report_packs(tables_, damaged_, *verdicts_, findings_);
  report_hurt_paths(tree_tools(), snapshots_, options_.stop, findings_);
}

std::optional<VerifyResult> Verifier::run(bool may_give_up) {
  for (const auto& [name, each] : repository_.state().objects.live()) {
    progress_.expect(1, each.kind == ObjectKind::pack ? 0 : each.length);
    result_.packs += each.kind == ObjectKind::pack ? 1 : 0;
  }
  check_files();
  check_log();
  check_sessions();
  tables_ = read_pack_tables(
      repository_, pool_, reader_, [this](const std::string& name) { progress_.add_object(name); },
      findings_);
  blocks_ =
      std::make_unique<BlockSource>(repository_.store(), tables_.index, repository_.secrets());
  chunks_ = std::make_unique<ChunkReader>(*blocks_, repository_.keyring());
  verdicts_ = std::make_unique<Verdicts>(tables_.index);
  verdicts_->settle();
  walk_snapshots();
  read_packs();
  before_.bytes_read += progress_.bytes_read();
  const bool has_found = !is_fine() || result_.error_count != 0;
  const bool has_changed = has_found && is_overtaken();
  if (has_changed && may_give_up) return std::nullopt;
  report(has_changed);
  result_.blocks = before_.blocks;
  result_.chunks = before_.chunks;
  result_.bytes_read = before_.bytes_read;
  return result_;
}

}  // namespace

VerifyResult verify_repository(Repository& repository, ThreadPool& pool,
                               const VerifyOptions& options, FindingSink& findings) {
  expect_head_syntax(options.expected_head);
  ProvedBefore before;
  for (int attempt = 1;; ++attempt) {
    Verifier verifier(repository, pool, options, before, findings);
    if (const auto result = verifier.run(attempt < kAttempts)) return *result;
  }
}

}  // namespace coppice
