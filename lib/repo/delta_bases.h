#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "index/index.h"

/// What new chunks are compressed against (docs/format.md, section 7; docs/decisions/0006).
namespace coppice {

/// An old chunk that overlaps a new one in the older version of what both are part of.
struct BaseHint {
  Id id;
  /// Of its first byte, counted from the new chunk's first byte: negative if it begins before.
  std::int64_t offset = 0;
};

/// A plain chunk that can serve.
struct ChosenBase {
  Id id;
  ChunkPlace place;
  std::int64_t offset = 0;  ///< as in BaseHint
  bool is_old = false;      ///< the hint was a delta itself, and this is one of its bases
};

/// The plain chunks behind hints for a chunk of `length` bytes: an old chunk itself, or, where that
/// is a delta, those of its bases that overlap. Only in trusted packs.
std::vector<ChosenBase> choose_bases(const Index& index, ChunkClass chunk_class,
                                     std::span<const BaseHint> hints, std::uint32_t length);

/// The bases of one block, within what a reader must be able to afford: 256 of them, out of 8
/// blocks, of 4 MiB together.
class BlockBases {
 public:
  /// True if these can be added.
  bool has_room_for(std::span<const ChosenBase> bases) const;
  /// Adds those of a chunk that begins at `start` in the block's raw bytes; what does not fit is
  /// left out.
  void add(std::span<const ChosenBase> bases, std::uint32_t start, std::uint32_t length);

  const std::vector<BlockBase>& list() const { return list_; }
  /// True if bases of bases serve for more than half of the block.
  bool is_mostly_old(std::size_t raw_bytes) const { return old_bytes_ > raw_bytes / 2; }

 private:
  struct Room {
    std::size_t bases = 0;
    std::uint64_t bytes = 0;
    std::set<std::uint64_t> blocks;
    bool is_within_bounds() const;
  };
  bool contains(const Id& id) const;
  /// What it would come to with this base.
  static void count(Room& room, const ChosenBase& base);

  std::vector<BlockBase> list_;
  Room used_;
  std::uint64_t old_bytes_ = 0;
};

}  // namespace coppice
