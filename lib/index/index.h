#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "index/index_run.h"
#include "task/flag_table.h"

namespace coppice {

/// One place of a chunk, through its run.
struct ChunkPlace {
  const IndexRun* run = nullptr;
  std::uint32_t run_number = 0;
  std::uint32_t block = 0;
  std::uint32_t offset = 0;  ///< in the block's raw bytes
  std::uint32_t length = 0;
  bool is_in_delta = false;

  const BlockRecord& block_record() const { return run->blocks()[block]; }
  bool is_delta() const { return is_in_delta; }
  const PackRecord& pack_record() const { return run->packs()[block_record().pack]; }
  /// Names the block within the index: equal for two places exactly if they lie in the same block.
  std::uint64_t block_key() const { return std::uint64_t{run_number} << 32 | block; }
};

/// How far a pack's contents may be used; set per pack when the index is loaded.
enum class PackUse : std::uint8_t {
  absent = 0,  ///< not live, condemned, missing or of a wrong size: never counted on
  readable =
      1,  ///< may be read, but a backup must not deduplicate against it (an untrusted writer's)
  trusted = 2,  ///< may be read and deduplicated against
};

/// Where every chunk lies (docs/architecture.md, "index"): all runs together. Built by one thread,
/// then const and thread-safe.
class Index {
 public:
  /// Adds a run; `judge` says how far each of its packs may be used.
  void add(IndexRun run, const std::function<PackUse(const PackRecord&)>& judge);

  /// One chunk's places in one pack were found damaged: they count as not stored, and are read only
  /// when no other place is left. The pack may have been healed since.
  void mark_damaged(const Id& pack, const Id& chunk) { damaged_.emplace(pack, chunk); }

  /// Whether one of the three functions below has ever answered with a place in this block, or with
  /// one that needs it: what a backup counts on.
  bool is_relied_on(std::uint32_t run_number, std::uint32_t block) const {
    return relied_on_[run_number]->is_raised(block);
  }

  /// Tells that `id` will be looked up soon: a lookup in a large index waits for memory twice, and
  /// several that are expected together wait at the same time.
  void expect(const Id& id) const;

  /// True if a place in a trusted pack holds `id`, so that a backup need not store it: a plain one,
  /// or a delta whose bases all have a plain one in turn.
  bool is_stored(const Id& id) const;
  /// A plain place in a trusted pack: what a delta may be made against.
  std::optional<ChunkPlace> find_trusted_plain(const Id& id) const;
  /// A delta in a trusted pack that can be opened.
  std::optional<ChunkPlace> find_trusted_delta(const Id& id) const;

  /// All readable places, plain blocks before deltas, those marked damaged last. The caller tries
  /// them until the bytes match the id.
  std::vector<ChunkPlace> find(const Id& id) const;
  /// The first of them; nullopt if there is none.
  std::optional<ChunkPlace> find_first(const Id& id) const;

  const std::vector<IndexRun>& runs() const { return runs_; }
  PackUse use_of(std::uint32_t run_number, std::uint32_t pack) const {
    return uses_[run_number][pack];
  }
  std::uint64_t chunk_count() const;
  /// True if any block is a delta.
  bool has_deltas() const;

 private:
  /// True if the record's place is in a trusted pack and can be opened.
  bool holds(std::uint32_t run_number, const ChunkRecord& chunk) const;
  /// True if all bases of the delta's block have plain places in trusted packs.
  bool can_open(const ChunkPlace& delta) const;
  template <typename IsWanted>
  std::optional<ChunkPlace> find_trusted(const Id& id, const IsWanted& is_wanted) const;
  /// Requires a proved block.
  bool is_marked(std::uint32_t run_number, const ChunkRecord& chunk) const;
  /// Absent, too, if the run's records of it were altered.
  PackUse use_of_place(std::uint32_t run_number, const ChunkRecord& chunk) const;
  bool is_trusted(std::uint32_t run_number, const ChunkRecord& chunk) const {
    return use_of_place(run_number, chunk) == PackUse::trusted && !is_marked(run_number, chunk);
  }
  /// True if all packs of the run are trusted and nothing is damaged: then no record but the
  /// chunk's own need be looked at.
  bool is_wholly_trusted(std::uint32_t run_number) const {
    return wholly_trusted_[run_number] && damaged_.empty();
  }

  std::vector<IndexRun> runs_;
  std::vector<std::vector<PackUse>> uses_;             // by run, by pack
  std::vector<bool> wholly_trusted_;                   // by run
  std::vector<std::unique_ptr<FlagTable>> relied_on_;  // by run, by block
  std::set<std::pair<Id, Id>> damaged_;                // pack, chunk; nearly always empty
};

}  // namespace coppice
