#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "index/index.h"

namespace coppice {

/// What is to be had of a chunk, from best to worst.
enum class Verdict : std::uint8_t {
  good,      ///< as far as was looked
  healable,  ///< only after a pack was healed from its parity
  lost,
};
inline Verdict worse(Verdict a, Verdict b) { return a > b ? a : b; }
inline Verdict better(Verdict a, Verdict b) { return a < b ? a : b; }
/// Of the finding that a thing with this verdict makes.
inline Finding::Weight weight_of(Verdict verdict) {
  return verdict == Verdict::lost ? Finding::Weight::damaged : Finding::Weight::healable;
}

/// Which places of the index are bad. Nine bits a block. Thread-safe while only const functions are
/// called. The index must outlive it and have at most one run.
///
/// A delta of which a base is nowhere is as good as lost to whoever needs it, and yet nothing is
/// wrong with it: once no snapshot needs it, a collector lets its bases go, and it stays as long as
/// its pack does.
class Verdicts {
 public:
  explicit Verdicts(const Index& index);

  /// The whole block, or one chunk of it (by its offset in the block's raw bytes).
  void mark(std::uint32_t block, Verdict verdict);
  void mark_chunk(std::uint32_t block, std::uint32_t offset);
  /// Makes deltas as bad as their bases, and lost without them. To be called after marking.
  void settle();

  /// True if no block is bad; deltas without a base do not count.
  bool all_good() const { return all_good_; }
  /// The best of all places of this chunk.
  Verdict of_chunk(ChunkClass chunk_class, const Id& id, std::uint64_t length) const;
  /// The best of the places that hold a metadata chunk, whatever its length.
  Verdict of_metadata(const Id& id) const;
  /// By block: the worst of those of its chunks that are bad here, each taken by its best place
  /// anywhere. Blocks without bad chunks are left out, and so are those that only lack a base.
  std::vector<std::pair<std::uint32_t, Verdict>> bad_blocks() const;

 private:
  /// The best of the chunk's plain places, the only ones that a delta may build on; nothing if
  /// there is none.
  std::optional<Verdict> of_base(ChunkClass chunk_class, const Id& id) const;
  bool is_bad(std::uint32_t block, std::uint32_t offset) const {
    return blocks_[block] != Verdict::good || bad_chunks_.contains({block, offset});
  }
  Verdict of_place(std::uint32_t block, std::uint32_t offset) const;

  const Index& index_;
  std::vector<Verdict> blocks_;
  std::vector<bool> lacks_base_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> bad_chunks_;
  bool all_good_ = true;
};

}  // namespace coppice
