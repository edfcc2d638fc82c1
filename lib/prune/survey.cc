#include "prune/survey.h"

#include <algorithm>

#include "base/error.h"
#include "pack/table.h"
#include "repo/chunk_reader.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/side_file.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/stored_metadata.h"

namespace coppice {

Survey::Survey(Repository& repository, const PruneOptions& options, const std::set<Id>& ending,
               FindingSink& findings)
    : repository_(repository), options_(options), ending_(ending), findings_(findings) {
  load();
  ground_ = ground_of(repository.state());
  listed_at_start_ = listed_;
  mark_unmarked();
}

Survey::Ground Survey::ground_of(const LogState& state) {
  return {state.objects.deleted().size(), state.condemned, state.damaged, state.void_numbers,
          state.revoked_from};
}

/// The old index goes first: at any time there is one.
void Survey::load() {
  live_.reset();
  used_.reset();
  blocks_.reset();
  loaded_.reset();
  listed_ = list_packs(repository_.store());
  loaded_ = std::make_unique<LoadedIndex>(
      repository_.load_index({false, options_.index_cache_directory}, findings_));
  blocks_ =
      std::make_unique<BlockSource>(repository_.store(), loaded_->index, repository_.secrets());
  known_packs_.clear();
  unknown_tables_.clear();
  known_sessions_.clear();
  const Index& index = loaded_->index;
  for (std::uint32_t r = 0; r < index.runs().size(); ++r) {
    const auto packs = index.runs()[r].packs();
    for (std::uint32_t p = 0; p < packs.size(); ++p) {
      if (index.use_of(r, p) != PackUse::absent) known_packs_.insert(packs[p].name);
    }
  }
  const LogState& state = repository_.state();
  for (const auto& [name, object] : state.objects.live()) {
    if (object.kind != ObjectKind::pack) continue;
    if (known_packs_.insert(name).second) unknown_tables_.insert(name);
  }
  for (const auto& [session, boxes] : state.session_boxes) known_sessions_.insert(session);
}

/// All that can be seen or brought back when the `delete` is there.
std::vector<const LoggedSnapshot*> Survey::staying_snapshots(const LogState& state) const {
  std::vector<const LoggedSnapshot*> staying;
  for (const LoggedSnapshot& snapshot : state.snapshots) {
    const bool ends =
        state.is_void(snapshot) || (snapshot.is_forgotten && ending_.contains(snapshot.id));
    if (!ends) staying.push_back(&snapshot);
  }
  return staying;
}

void Survey::mark_unmarked() {
  expect_no_newer_table();
  used_ = std::make_unique<UsedChunks>(loaded_->index);
  ChunkReader chunks(*blocks_, repository_.keyring());
  StoredMetadata trees(chunks);
  SnapshotMarker marker(trees, *used_, options_.stop);
  for (const LoggedSnapshot* logged : staying_snapshots(repository_.state())) {
    if (options_.as_if_forgotten.contains(logged->id) || marked_.contains(logged->id)) continue;
    try {
      marker.mark(*decode_snapshot(logged->record).root.subtree);
    } catch (const Error& error) {
      if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
      throw error.within("nothing was deleted, because it is not known what snapshot " +
                         logged->id.short_hex() +
                         " needs (`coppice verify` tells more; a snapshot that is lost may be "
                         "forgotten)");
    }
    marked_.insert(logged->id);
  }
  if (used_->missing() != 0) {
    findings_.report({Finding::Weight::damaged, "chunks_missing",
                      std::to_string(used_->missing()) + " chunks",
                      "no pack that can be read holds them; `coppice verify` names the files"});
  }
  live_ = std::make_unique<LivePacks>(LivePacks::Tools{repository_, *blocks_, listed_}, *used_,
                                      findings_);
  expect_nothing_rests_on_the_unknown();
}

/// Its table might say of blocks what this program does not know to keep.
void Survey::expect_no_newer_table() const {
  for (const Id& name : unknown_tables_) {
    const ObjectRef* pack = repository_.state().objects.find(name);
    if (pack == nullptr) continue;
    try {
      decode_table(read_pack_table(repository_.store(), repository_.keyring(), name, pack->length));
    } catch (const Error& error) {  // per item: damage is judged by what is needed of the pack
      if (!error.is_about_bytes()) throw;
      if (error.kind() == ErrorKind::newer_version)
        throw error.within("nothing was deleted, because of " + pack_name(name));
    }
  }
}

/// What is needed and in no table may be a delta in a pack whose table is missing for now (a copy
/// that still runs, a disk that comes back), and its base a block that nothing else needs. So
/// nobody can say of any block that it may go. A mark in the log does not change that: `repair
/// packs` sets it by itself, perhaps the day before somebody brings a copy. What ends it is that no
/// snapshot needs the unknown any more (docs/decisions/0021-unknown-packs.md).
void Survey::expect_nothing_rests_on_the_unknown() const {
  const bool is_sure =
      used_->missing() == 0 && (unknown_tables_.empty() || live_->is_whole_without_others());
  if (is_sure) return;
  throw Error(
      ErrorKind::damaged,
      "nothing was deleted, because snapshots need what no readable pack has, so it is not known "
      "what else is needed to read it (packs without a readable table: " +
          std::to_string(unknown_tables_.size()) +
          "). If the repository is an unfinished copy, finish it; else run `coppice repair packs`, "
          "with --from where there is a copy, and `coppice backup`, which stores anew what the "
          "live files still have. What is lost for good: run `coppice repair snapshots`, then "
          "forget the snapshots that `coppice verify` still names, and prune again");
}

/// They hold nothing that is needed, and the log has given them up; others may come back.
std::set<Id> Survey::lost_packs(const LogState& state) const {
  std::set<Id> lost;
  for (const Id& name : unknown_tables_) {
    const auto damaged = state.damaged.find(name);
    const bool is_marked = damaged != state.damaged.end() && damaged->second.empty();
    if (is_marked || state.condemned.contains(name)) lost.insert(name);
  }
  return lost;
}

bool Survey::is_still_true(const LogState& state, const std::set<Id>& own_condemned) const {
  std::set<Id> condemned = ground_.condemned;
  condemned.insert(own_condemned.begin(), own_condemned.end());
  return !state.collection_is_stopped() && !state.is_read_only() &&
         state.objects.deleted().size() == ground_.deleted && state.condemned == condemned &&
         state.damaged == ground_.damaged && state.void_numbers == ground_.void_numbers &&
         state.revoked_from == ground_.revoked_from;
}

bool Survey::knows_all(const LogState& state) const {
  const auto snapshots = staying_snapshots(state);
  const bool knows_snapshots = std::all_of(
      snapshots.begin(), snapshots.end(),
      [this](const LoggedSnapshot* snapshot) { return marked_.contains(snapshot->id); });
  return knows_snapshots && std::all_of(state.objects.live().begin(), state.objects.live().end(),
                                        [this](const auto& object) {
                                          return object.second.kind != ObjectKind::pack ||
                                                 known_packs_.contains(object.first);
                                        });
}

std::set<Id> Survey::mark_news() {
  load();
  mark_unmarked();
  std::set<Id> needed;
  for (const PackView& pack : live_->packs()) {
    if (pack.is_condemned && !pack.is_dead()) needed.insert(pack.name);
  }
  return needed;
}

void Survey::note_own(const std::vector<ObjectRef>& packs, const std::set<Id>& sessions) {
  for (const ObjectRef& pack : packs) known_packs_.insert(pack.name);
  own_sessions_.insert(sessions.begin(), sessions.end());
}

std::optional<std::set<Id>> Survey::sessions_left(const std::set<Id>& deleted) const {
  if (!std::includes(deleted.begin(), deleted.end(), unknown_tables_.begin(),
                     unknown_tables_.end())) {
    return std::nullopt;
  }
  std::set<Id> left = own_sessions_;
  for (const IndexRun& run : loaded_->index.runs()) {
    std::vector<bool> has_block(run.sessions().size());
    std::vector<bool> goes(run.packs().size());
    for (std::size_t i = 0; i < goes.size(); ++i) goes[i] = deleted.contains(run.packs()[i].name);
    for (const BlockRecord& block : run.blocks()) {
      if (!goes[block.pack]) has_block[block.session] = true;
    }
    for (std::size_t i = 0; i < has_block.size(); ++i) {
      if (has_block[i]) left.insert(run.sessions()[i]);
    }
  }
  return left;
}

/// Nothing if it is not a pack of this repository, or cannot be read.
std::optional<PackTable> Survey::table_of(const Id& pack, std::uint64_t length) const {
  try {
    const Keyring& keyring = repository_.keyring();
    const Bytes bytes = read_pack_table(repository_.store(), keyring, pack, length);
    PackTable table = decode_table(bytes);
    const auto certificate = repository_.state().certificates.find(table.signer);
    if (certificate == repository_.state().certificates.end() ||
        !is_table_signed_by(bytes, keyring.repository(), certificate->second.body.signing_key)) {
      return std::nullopt;
    }
    return table;
  } catch (const Error& error) {  // per item: a stranger's file, or one that was cut
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
    return std::nullopt;
  }
}

std::vector<ObjectRef> Survey::useless_orphans(const LogState& state) const {
  const Index& index = loaded_->index;
  const auto is_elsewhere = [&](const ChunkEntry& chunk) {
    const std::vector<ChunkPlace> places = index.find(chunk.id);
    return std::any_of(places.begin(), places.end(), [&](const ChunkPlace& place) {
      return !state.condemned.contains(place.pack_record().name);
    });
  };
  std::vector<ObjectRef> orphans;
  for (const auto& [name, length] : listed_at_start_) {
    if (state.objects.is_live(name) || state.objects.is_deleted(name)) continue;
    const auto table = table_of(name, length);
    if (!table) continue;
    const bool is_useless =
        state.revoked_from.contains(table->signer) ||
        std::all_of(table->blocks.begin(), table->blocks.end(), [&](const BlockInfo& block) {
          return std::all_of(block.chunks.begin(), block.chunks.end(), is_elsewhere);
        });
    if (is_useless) {
      orphans.push_back({ObjectKind::pack, side_for(length, repository_.parity()), name, length});
    }
  }
  add_unlogged_indexes(state, orphans);
  return orphans;
}

void Survey::add_unlogged_indexes(const LogState& state, std::vector<ObjectRef>& orphans) const {
  for (const ObjectInfo& object : repository_.store().list("index/")) {
    Id name;
    const std::string_view last = std::string_view(object.name).substr(object.name.rfind('/') + 1);
    if (!from_hex(last, name.bytes) || object.name != index_name(name)) continue;
    if (state.objects.is_live(name) || state.objects.is_deleted(name)) continue;
    orphans.push_back(
        {ObjectKind::index, side_for(object.size, repository_.parity()), name, object.size});
  }
}

std::set<Id> Survey::orphan_sessions(const LogState& state) const {
  std::set<Id> sessions;
  for (const auto& [name, length] : listed_) {
    if (state.objects.is_live(name) || state.objects.is_deleted(name)) continue;
    const auto table = table_of(name, length);
    if (!table) continue;
    for (const BlockInfo& block : table->blocks) sessions.insert(block.seal.session);
  }
  return sessions;
}

}  // namespace coppice
