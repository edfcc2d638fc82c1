#include "snapshot/needed_chunks.h"

#include <optional>

#include "snapshot/tree_reader.h"

namespace coppice {
namespace {

/// Differences of estimates and rounded shares are never told as negative.
std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

/// All blocks that may be read.
BytesByKind all_blocks(const Index& index) {
  BytesByKind bytes;
  for (std::uint32_t run = 0; run < index.runs().size(); ++run) {
    for (const BlockRecord& block : index.runs()[run].blocks()) {
      if (index.use_of(run, block.pack) != PackUse::absent) bytes.add(block, block.raw_length);
    }
  }
  return bytes;
}

/// What `raw` bytes would take if they compressed as `others` do.
std::uint64_t compressed_like(std::uint64_t raw, const BlockBytes& others) {
  if (others.raw == 0) return raw;
  const double ratio = static_cast<double>(others.sealed) / static_cast<double>(others.raw);
  return static_cast<std::uint64_t>(static_cast<double>(raw) * ratio);
}

}  // namespace

NeededChunks::NeededChunks(MetadataSource& trees, const Index& index)
    : trees_(trees), index_(index) {
  used_.reserve(index.runs().size());
  for (const IndexRun& run : index.runs()) used_.emplace_back(run.blocks().size());
}

void NeededChunks::add(const Id& id) {
  if (!ids_.insert(id)) return;
  if (const auto place = index_.find_first(id)) {
    used_[place->run_number][place->block] += place->length;
  } else {
    ++missing_;
  }
}

void NeededChunks::add_metadata(const Reference& reference) {
  walk_reference(trees_, reference, [this](const Id& id, std::uint8_t) {
    add(id);
    return true;
  });
}

std::uint64_t NeededChunks::add_content(const Node& file) {
  const std::optional<Reference>& list = file.content.reference;
  if (list) {
    if (const auto known = holes_.find(*list); known != holes_.end()) return known->second;
    add_metadata(*list);
  }
  std::uint64_t holes = 0;
  ContentCursor extents(trees_, file);
  while (const ContentExtent* extent = extents.next()) {
    if (extent->is_hole) {
      holes += extent->length;
    } else {
      add(extent->id);
    }
  }
  if (list) holes_.emplace(*list, holes);
  return holes;
}

BytesByKind NeededChunks::bytes() const {
  BytesByKind bytes;
  for (std::size_t run = 0; run < used_.size(); ++run) {
    const auto blocks = index_.runs()[run].blocks();
    for (std::size_t block = 0; block < blocks.size(); ++block) {
      if (used_[run][block] != 0) bytes.add(blocks[block], used_[run][block]);
    }
  }
  return bytes;
}

RawData NeededChunks::sum(std::uint64_t restored) const {
  const BytesByKind needed = bytes();
  const BytesByKind all = all_blocks(index_);
  RawData data;
  data.chunks = ids_.size() - missing_;
  BlockBytes plain;
  BlockBytes delta;
  std::uint64_t delta_as_plain = 0;
  for (std::size_t chunk_class = 0; chunk_class < needed.plain.size(); ++chunk_class) {
    plain.raw += needed.plain[chunk_class].raw;
    plain.sealed += needed.plain[chunk_class].sealed;
    delta.raw += needed.delta[chunk_class].raw;
    delta.sealed += needed.delta[chunk_class].sealed;
    delta_as_plain += compressed_like(needed.delta[chunk_class].raw, all.plain[chunk_class]);
  }
  data.raw_bytes = plain.raw + delta.raw;
  data.sealed_bytes = plain.sealed + delta.sealed;
  const auto of_data = static_cast<std::size_t>(ChunkClass::data);
  data.saved_by_deduplication =
      minus(restored, needed.plain[of_data].raw + needed.delta[of_data].raw);
  data.saved_by_deltas = minus(delta_as_plain, delta.sealed);
  data.saved_by_compression = minus(plain.raw, plain.sealed);
  return data;
}

}  // namespace coppice
