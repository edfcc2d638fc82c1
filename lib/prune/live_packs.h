#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "prune/used_chunks.h"
#include "repo/block_source.h"
#include "repo/pack_listing.h"
#include "repo/repository.h"

/// From chunks that are needed to blocks and packs that must stay (docs/design.md, section 6).
namespace coppice {

/// One pack of the index that the log names, and what is alive in it.
struct PackView {
  std::uint32_t run = 0;
  std::uint32_t first_block = 0;  ///< position in the run; a pack's blocks are neighbours
  std::uint32_t block_count = 0;
  Id name;
  std::uint64_t length = 0;
  SlotId writer;
  bool is_condemned = false;
  bool is_whole = false;         ///< listed at its right size and not marked damaged
  bool has_lost_chunks = false;  ///< listed at its right size, and some chunks are marked damaged
  std::uint64_t live_bytes = 0;  ///< sealed bytes of blocks that must stay
  std::uint64_t dead_bytes = 0;

  bool is_dead() const { return live_bytes == 0; }
};

/// Which blocks and packs must stay for the chunks that were marked.
///
/// A block stays as a whole if one of its chunks is needed, and with it a plain place of each of
/// its bases (IndexRun::bases: what a block needs). Every place of a needed chunk or base counts,
/// because a place may be forged or rotten and another one good. Only if the survivor was read and
/// proved is a second place dropped: by an owner, who opens it; by others only where the sealed
/// bytes are the same.
class LivePacks {
 public:
  struct Tools {
    Repository& repository;
    BlockSource& blocks;
    const PackSizes& listed;
  };
  /// Drops proved duplicates from `used`. `findings` takes places that turn out not to be good.
  LivePacks(const Tools& tools, UsedChunks& used, FindingSink& findings);

  const std::vector<PackView>& packs() const { return packs_; }
  bool is_live(std::uint32_t run, std::uint32_t block) const { return live_[run][block]; }
  /// True if each chunk that was marked has a place in a whole pack, with whole packs for its
  /// bases: then no pack that the index does not know is needed.
  bool is_whole_without_others() const;

 private:
  struct Place {
    std::uint32_t run = 0;
    std::size_t chunk = 0;
  };
  using Places = std::vector<Place>;

  void list_packs();
  void drop_duplicates(FindingSink& findings);
  Places places_of(const Id& id) const;
  const PackView& pack_of(const Place& place) const;
  const ChunkRecord& record_of(const Place& place) const;
  const BlockRecord& block_of(const Place& place) const;
  bool is_better(const Place& a, const Place& b) const;
  bool is_proved(const Place& survivor);
  bool may_drop(const Place& place, const Place& survivor) const;
  std::optional<Place> find_survivor(const Places& places, FindingSink& findings);
  bool is_dropped_for(const Place& place, const Place& survivor) const;
  void find_live_blocks();
  void keep_bases(FindingSink& findings);
  Places plain_places_of(const Id& id) const;
  bool rests_on_whole_packs(const Place& place) const;
  void keep_base(const Places& plain, FindingSink& findings);
  void sum_up();

  Tools tools_;
  UsedChunks& used_;
  const Index& index_;
  bool opens_all_ = false;  // an owner
  std::vector<PackView> packs_;
  std::vector<std::vector<std::uint32_t>> pack_at_;  // by run, by position: into packs_, or none
  std::vector<std::vector<bool>> live_;              // by run, by block
};

}  // namespace coppice
