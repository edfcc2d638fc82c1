#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/stop.h"
#include "index/id_set.h"
#include "index/index.h"
#include "snapshot/reference.h"
#include "snapshot/tree_reader.h"

/// What snapshots need, as bits over the positions of the index: a byte and a half a chunk at most.
namespace coppice {

/// One bit for each chunk record of an index.
class ChunkBits {
 public:
  explicit ChunkBits(const Index& index);
  bool test(std::uint32_t run, std::size_t chunk) const { return bits_[run][chunk]; }
  void set(std::uint32_t run, std::size_t chunk) { bits_[run][chunk] = true; }
  void clear(std::uint32_t run, std::size_t chunk) { bits_[run][chunk] = false; }

 private:
  std::vector<std::vector<bool>> bits_;
};

/// Every place of every chunk that was marked, in packs that the log names. What a cached run still
/// tells of packs that were deleted counts for nothing, even if their files are still there.
class UsedChunks {
 public:
  /// The index must outlive it.
  explicit UsedChunks(const Index& index) : index_(index), bits_(index) {}

  /// Marks all places of a chunk; true if it was not marked before.
  bool mark(const Id& id);
  /// Takes the mark off one place, since another one stays for it.
  void drop(std::uint32_t run, std::size_t chunk) { bits_.clear(run, chunk); }
  bool is_used(std::uint32_t run, std::size_t chunk) const { return bits_.test(run, chunk); }
  /// Chunks that were marked and that the index does not know.
  std::uint64_t missing() const { return missing_.size(); }
  const Index& index() const { return index_; }

 private:
  const Index& index_;
  ChunkBits bits_;
  IdSet missing_;
};

/// Marks what snapshots need: trees, lists and contents. Each different tree is read once.
/// Memory: bits for each level of references that is met, and what a tree cursor holds for each
/// directory on the way down.
class SnapshotMarker {
 public:
  SnapshotMarker(MetadataSource& trees, UsedChunks& used, const StopFlag* stop)
      : trees_(trees), used_(used), stop_(stop) {}

  /// Throws Error{damaged} if a tree or list cannot be read: what it needs is then unknown.
  void mark(const Reference& root);

  std::uint64_t trees() const { return tree_count_; }

 private:
  /// References that were met, of trees or of lists of extents.
  class Seen {
   public:
    explicit Seen(const Index& index) : index_(index) {}
    bool insert(const Reference& reference);

   private:
    const Index& index_;
    std::array<std::vector<ChunkBits>, kMaxReferenceLevels + 1> levels_;  // one or none each
    IdSet unknown_;  // of all levels: they cannot be read anyway
  };

  void mark_metadata(const Reference& reference);
  void mark_content(const Node& file);

  MetadataSource& trees_;
  UsedChunks& used_;
  const StopFlag* stop_;
  Seen seen_trees_{used_.index()};
  Seen seen_lists_{used_.index()};
  std::uint64_t tree_count_ = 0;
};

}  // namespace coppice
