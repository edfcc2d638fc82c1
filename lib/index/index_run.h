#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "index/image_proof.h"
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
  /// Length in bytes; the highest bit tells that the block is a delta, so that most lookups need
  /// not look at it.
  std::uint32_t length_and_kind = 0;

  std::uint32_t length() const { return length_and_kind & ~kDeltaBit; }
  bool is_delta() const { return (length_and_kind & kDeltaBit) != 0; }

  static constexpr std::uint32_t kDeltaBit = 1U << 31;
};
static_assert(sizeof(ChunkRecord) == 44);

/// How many records of each kind a run has, and where they lie in its image.
struct RunLayout {
  std::uint64_t packs = 0;
  std::uint64_t sessions = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bases = 0;
  std::uint64_t chunks = 0;

  /// About eight chunks in each bucket of the fan-out table.
  unsigned fan_out_bits() const;
  std::uint64_t fan_out_offset() const;
  std::uint64_t packs_offset() const;
  std::uint64_t sessions_offset() const;
  std::uint64_t blocks_offset() const;
  std::uint64_t bases_offset() const;
  std::uint64_t chunks_offset() const;
  std::uint64_t image_size() const;
  /// What the image begins with.
  Bytes header() const;
};

/// The bucket of an id in a fan-out table of 2^bits buckets.
std::uint32_t fan_out_bucket(const Id& id, unsigned bits);

/// An immutable sorted run: the tables of some packs, as one flat buffer that can be kept in memory
/// or mapped from the local cache (this machine's byte order: the cache never leaves the machine).
/// Chunks ascend by id; a chunk with several places has several neighbouring records. A fan-out
/// table over the leading bits makes a lookup touch one or two cache lines. Const and thread-safe.
///
/// A run that is not proved yet proves the records that a lookup comes by; what is altered counts
/// as not there, which costs storing it again. `blocks`, `chunks` and `bases` as a whole are for
/// runs that were proved as a whole, or are of this process's making.
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

  std::uint64_t base_count() const { return bases_.size(); }
  /// True if any block is a delta.
  bool has_bases() const { return !bases_.empty(); }

  /// Proves the whole run; false if it was altered.
  bool prove() const { return !proof_ || proof_->covers(image_); }

  /// Asks memory for what `find` will read, and does not wait for it.
  void expect(const Id& id) const;
  /// All places of `id`; empty if there is none. Proves these records, not what they point to.
  std::span<const ChunkRecord> find(const Id& id) const;
  /// Proves the block that a record points to, and its bases. False: the place is not to be used.
  bool has_proved_block(const ChunkRecord& chunk) const {
    return !proof_ || is_block_proved(chunk);
  }

  /// The block's info without its chunk list.
  BlockInfo block_info(const BlockRecord& block) const;

  /// The whole run as bytes, for the cache.
  ByteView bytes() const { return image_; }
  /// A run over an image that `owner` keeps alive and 8-byte aligned. Throws Error{damaged} for an
  /// image that is not consistent in its counts.
  static IndexRun from_image(std::shared_ptr<const void> owner, ByteView image);
  /// The same, proved where it is used; only what every lookup needs is proved at once.
  static IndexRun from_unproved_image(std::shared_ptr<const void> owner, ByteView image,
                                      std::shared_ptr<const ImageProof> proof);

 private:
  std::span<const ChunkRecord> bucket_of(const Id& id) const;
  bool is_block_proved(const ChunkRecord& chunk) const;

  // shared: a run is handed out by value while lookups in other threads still use its image.
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const ImageProof> proof_;  // null: nothing to prove
  ByteView image_;
  unsigned fan_out_bits_ = 0;
  std::span<const std::uint32_t> fan_out_;
  std::span<const PackRecord> packs_;
  std::span<const Id> sessions_;
  std::span<const BlockRecord> blocks_;
  std::span<const BlockBase> bases_;
  std::span<const ChunkRecord> chunks_;
};

/// Collects pack tables and sorts them into a run in memory: 44 bytes a chunk, 88 a block, twice
/// while building. Where there may be many, see RunCollector.
class IndexRunBuilder {
 public:
  void add(const Id& pack, std::uint64_t pack_length, const PackTable& table);
  bool is_empty() const { return packs_.empty(); }
  /// Bytes of the records so far.
  std::size_t size_in_bytes() const;
  /// Requires fewer than 2^32 chunks and blocks.
  IndexRun build();

 private:
  std::uint32_t session_position(const Id& session);

  std::vector<PackRecord> packs_;
  std::vector<Id> sessions_;
  std::unordered_map<Id, std::uint32_t> session_positions_;
  std::vector<BlockRecord> blocks_;
  std::vector<BlockBase> bases_;
  std::vector<ChunkRecord> chunks_;
};

}  // namespace coppice
