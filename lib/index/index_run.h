#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "pack/table.h"

namespace coppice {

/// One pack as an index run knows it.
struct PackRecord {
  Id name;
  std::uint64_t length = 0;  ///< bytes of the pack file
  SlotId writer;             ///< the slot that signed the pack's table
};

/// One sealed block: where it lies and what opens it. Fixed size, plain data.
struct BlockRecord {
  std::uint64_t offset = 0;  ///< of the sealed bytes in the pack
  std::uint64_t ordinal = 0;
  std::uint64_t counter = 0;
  std::uint32_t pack = 0;     ///< position in the run's packs
  std::uint32_t session = 0;  ///< position in the run's sessions
  std::uint32_t sealed_length = 0;
  std::uint32_t raw_length = 0;
  std::uint32_t first_base = 0;  ///< position in the run's bases
  std::uint16_t base_count = 0;
  std::uint8_t chunk_class = 0;
  std::uint8_t encoding = 0;
  std::uint8_t cipher = 0;
  std::uint8_t reserved[7] = {};
  Id sealed_hash;
};
static_assert(sizeof(BlockRecord) == 88);

/// One place of one chunk.
struct ChunkRecord {
  Id id;
  std::uint32_t block = 0;   ///< position in the run's blocks
  std::uint32_t offset = 0;  ///< in the block's raw bytes
  std::uint32_t length = 0;
};
static_assert(sizeof(ChunkRecord) == 44);

/// An immutable sorted run: the tables of some packs, as one flat buffer that can be kept in memory
/// or mapped from the local cache (this machine's byte order: the cache never leaves the machine).
/// Chunks ascend by id; a chunk with several places has several neighbouring records. A fan-out
/// table over the leading bits makes a lookup touch one or two cache lines. Const and thread-safe.
class IndexRun {
 public:
  IndexRun() = default;

  std::span<const PackRecord> packs() const { return packs_; }
  std::span<const Id> sessions() const { return sessions_; }
  std::span<const BlockRecord> blocks() const { return blocks_; }
  std::span<const ChunkRecord> chunks() const { return chunks_; }
  /// What the block needs beside itself: plain places of these chunks. Whoever collects, repacks or
  /// copies a block keeps a plain place of each (depth one: they need nothing in turn).
  std::span<const BlockBase> bases(const BlockRecord& block) const {
    return bases_.subspan(block.first_base, block.base_count);
  }

  /// True if any block is a delta.
  bool has_bases() const { return !bases_.empty(); }

  /// All places of `id`; empty if there is none.
  std::span<const ChunkRecord> find(const Id& id) const;

  /// The block's info without its chunk list.
  BlockInfo block_info(const BlockRecord& block) const;

  /// The whole run as bytes, for the cache.
  ByteView bytes() const { return image_; }
  /// A run over an image that `owner` keeps alive and 8-byte aligned. Throws Error{damaged} for an
  /// image that is not consistent in its counts.
  static IndexRun from_image(std::shared_ptr<const void> owner, ByteView image);

 private:
  friend class IndexRunBuilder;

  // shared: a run is handed out by value while lookups in other threads still use its image.
  std::shared_ptr<const void> owner_;
  ByteView image_;
  unsigned fan_out_bits_ = 0;
  std::span<const std::uint32_t> fan_out_;
  std::span<const PackRecord> packs_;
  std::span<const Id> sessions_;
  std::span<const BlockRecord> blocks_;
  std::span<const BlockBase> bases_;
  std::span<const ChunkRecord> chunks_;
};

/// Collects pack tables and sorts them into a run. Memory: 44 bytes a chunk, 88 a block, twice
/// while building.
class IndexRunBuilder {
 public:
  void add(const Id& pack, std::uint64_t pack_length, const PackTable& table);
  /// Takes over all of `run` (for merging runs).
  void add(const IndexRun& run);
  bool is_empty() const { return packs_.empty(); }
  /// Requires fewer than 2^32 chunks and blocks.
  IndexRun build();

 private:
  std::uint32_t session_position(const Id& session);

  std::vector<PackRecord> packs_;
  std::vector<Id> sessions_;
  std::vector<BlockRecord> blocks_;
  std::vector<BlockBase> bases_;
  std::vector<ChunkRecord> chunks_;
};

}  // namespace coppice
