#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "backup/piece.h"
#include "repo/delta_bases.h"
#include "snapshot/tree_reader.h"

namespace coppice {

/// Finds the old chunks that new ones are the next version of, by where they lie in the file: at
/// the same place, or as far from it as the nearest chunks on either side that both versions have
/// (the drift: what was put in or cut out before). Memory: 16,384 of the old extents, around the
/// place that is looked at. Not thread-safe: one for each file that is gathered.
class BaseFinder {
 public:
  /// `old` is the file's node in the parent snapshot; `source` reads its list of extents. Both may
  /// be null: then nothing is found.
  BaseFinder(MetadataSource* source, const Node* old);

  /// Hints for each of the pieces, which follow each other from byte `offset` of the file on; none
  /// for holes, and for chunks that the old version has, too. Pieces must come in order. An old
  /// list that cannot be read ends the finding.
  std::vector<std::vector<BaseHint>> find(std::span<const Piece> pieces, std::uint64_t offset);

 private:
  struct OldChunk {
    Id id;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };

  void move_to(std::uint64_t offset);
  std::size_t chunks_from(std::uint64_t offset) const;
  void take_next();
  void drop_oldest();
  std::vector<std::optional<std::int64_t>> drifts_of(std::span<const Piece> pieces,
                                                     std::uint64_t offset) const;
  void add_last_chunk(std::int64_t old_offset, std::vector<BaseHint>& hints) const;
  void add_hints(std::uint64_t offset, std::uint64_t length, std::int64_t drift,
                 std::vector<BaseHint>& hints) const;

  std::optional<ContentCursor> cursor_;
  std::uint64_t next_offset_ = 0;                    // of the first extent that was not taken yet
  std::deque<OldChunk> window_;                      // offsets ascend
  std::unordered_map<Id, std::uint64_t> offset_of_;  // of the chunks in the window
  std::int64_t drift_ = 0;  // new offset - old offset, at the last chunk that both have
};

}  // namespace coppice
