#pragma once
#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "index/id_set.h"
#include "index/index.h"
#include "snapshot/reference.h"
#include "snapshot/statistics.h"

namespace coppice {

struct ReferenceHash {
  std::size_t operator()(const Reference& reference) const noexcept {
    return static_cast<std::size_t>(reference.id.hash() + reference.levels);
  }
};
template <typename Value>
using ByReference = std::unordered_map<Reference, Value, ReferenceHash>;

/// Raw and sealed bytes of blocks, or of parts of blocks.
struct BlockBytes {
  std::uint64_t raw = 0;
  std::uint64_t sealed = 0;
};

/// By class, plain and delta blocks apart.
struct BytesByKind {
  std::array<BlockBytes, 2> plain;
  std::array<BlockBytes, 2> delta;

  /// Adds a block, or the share in it that `used` of its raw bytes have.
  void add(const BlockRecord& block, std::uint64_t used) {
    auto& kind = (block.encoding & kEncodingDelta) != 0 ? delta : plain;
    BlockBytes& bytes = kind.at(block.chunk_class);
    bytes.raw += used;
    bytes.sealed += used * block.sealed_length / block.raw_length;
  }
};

/// The chunks that snapshots need, each once.
class NeededChunks {
 public:
  NeededChunks(MetadataSource& trees, const Index& index);

  /// The metadata chunks that the reference passes through.
  void add_metadata(const Reference& reference);
  /// The chunks of the file's content; returns how many of its bytes are in holes.
  std::uint64_t add_content(const Node& file);

  std::uint64_t missing() const { return missing_; }
  /// `restored` is what a restore writes, without holes.
  RawData sum(std::uint64_t restored) const;

 private:
  void add(const Id& id);
  BytesByKind bytes() const;

  MetadataSource& trees_;
  const Index& index_;
  IdSet ids_;
  std::vector<std::vector<std::uint32_t>> used_;  // raw bytes by run, by block
  ByReference<std::uint64_t> holes_;              // of content lists: long ones are read once
  std::uint64_t missing_ = 0;
};

}  // namespace coppice
