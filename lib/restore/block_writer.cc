#include "restore/block_writer.h"

#include <optional>
#include <unordered_map>
#include <utility>

namespace coppice {
namespace {

/// A block's chunks, each proved once.
class ProvenBlock {
 public:
  ProvenBlock(RestoreContext& context, const ChunkPlace& place)
      : context_(context),
        identity_(context.keyring.identity(ChunkClass::data)),
        place_(place),
        raw_(try_read(place, BaseProof::by_result)) {}

  /// Nothing if the chunk is not to be had. The view lives as long as this object.
  std::optional<ByteView> chunk(const ChunkPlacement& wanted) {
    auto [found, is_new] = proven_.try_emplace(wanted.id);
    if (is_new) found->second = prove(wanted);
    return found->second;
  }

 private:
  /// Null if the block cannot be read.
  BlockCache::Block try_read(const ChunkPlace& place, BaseProof proof);
  /// Reads a delta once more, with other places of bases that are not what their ids say.
  bool reads_with_proved_bases();
  std::optional<ByteView> prove(const ChunkPlacement& wanted);
  std::optional<ByteView> find_elsewhere(const Id& id);
  /// The place's bytes in its raw block, if they are what the id says.
  std::optional<ByteView> checked(ByteView raw, const ChunkPlace& place, const Id& id) const;

  RestoreContext& context_;
  const ChunkIdentity& identity_;
  ChunkPlace place_;
  BlockCache::Block raw_;
  BlockCache::Block raw_before_;      // read with unproved bases: views into it must stay valid
  std::deque<Bytes> from_elsewhere_;  // a deque: views into it must stay valid
  std::unordered_map<Id, std::optional<ByteView>> proven_;
};

BlockCache::Block ProvenBlock::try_read(const ChunkPlace& place, BaseProof proof) {
  BlockSource& blocks = context_.blocks;
  try {
    // What may be a base is likely to be asked for again soon (content_pass.cc orders it so).
    const bool may_be_base = blocks.index().has_deltas() && !place.is_delta();
    return may_be_base ? blocks.read_cached(place)
                       : std::make_shared<RawBlock>(blocks.read(place, proof));
  } catch (const Error& error) {  // per item: other places are tried
    if (ends_restore(error)) throw;
    return nullptr;
  }
}

std::optional<ByteView> ProvenBlock::checked(ByteView raw, const ChunkPlace& place,
                                             const Id& id) const {
  if (std::uint64_t{place.offset} + place.length > raw.size()) return std::nullopt;
  const ByteView bytes = raw.subspan(place.offset, place.length);
  if (identity_.id(bytes) != id) return std::nullopt;
  return bytes;
}

bool ProvenBlock::reads_with_proved_bases() {
  if (!place_.is_delta() || raw_before_) return false;
  raw_before_ = raw_ ? raw_ : std::make_shared<const RawBlock>();
  raw_ = try_read(place_, BaseProof::by_id);
  return raw_ != nullptr;
}

std::optional<ByteView> ProvenBlock::prove(const ChunkPlacement& wanted) {
  do {
    if (!raw_) continue;
    if (const auto bytes = checked(*raw_, wanted.place, wanted.id)) return bytes;
  } while (reads_with_proved_bases());
  return find_elsewhere(wanted.id);
}

std::optional<ByteView> ProvenBlock::find_elsewhere(const Id& id) {
  for (const ChunkPlace& place : context_.blocks.index().find(id)) {
    if (place.block_key() == place_.block_key()) continue;
    const BlockCache::Block raw = try_read(place, BaseProof::by_id);
    if (!raw) continue;
    if (const auto bytes = checked(*raw, place, id)) {
      from_elsewhere_.push_back(to_bytes(*bytes));
      return ByteView(from_elsewhere_.back());
    }
  }
  auto moved = context_.moved.find(ChunkClass::data, id, context_.blocks.index());
  if (!moved) return std::nullopt;
  from_elsewhere_.push_back(std::move(*moved));
  return ByteView(from_elsewhere_.back());
}

/// Chunks that follow each other in the block and in the file become one write.
void append(std::vector<Fragment>& fragments, std::uint64_t offset, ByteView bytes) {
  if (!fragments.empty()) {
    Fragment& last = fragments.back();
    const bool touches = last.bytes.data() + last.bytes.size() == bytes.data() &&
                         last.offset + last.bytes.size() == offset;
    if (touches) {
      last.bytes = ByteView(last.bytes.data(), last.bytes.size() + bytes.size());
      return;
    }
  }
  fragments.push_back({offset, bytes});
}

}  // namespace

void write_block(RestoreContext& context, std::deque<OutputFile>& files, const ChunkPlace& place,
                 std::span<const ChunkPlacement> placements) {
  context.check_stop();
  ProvenBlock block(context, place);
  std::vector<Fragment> fragments;
  for (std::size_t begin = 0, end = 0; begin < placements.size(); begin = end) {
    OutputFile& file = files[placements[begin].file];
    fragments.clear();
    std::size_t pieces = 0;
    for (; end < placements.size() && placements[end].file == placements[begin].file; ++end) {
      const ChunkPlacement& placement = placements[end];
      if (const auto bytes = block.chunk(placement)) {
        append(fragments, placement.file_offset, *bytes);
        ++pieces;
      } else {
        file.lose_piece(placement.file_offset, placement.place.length);
      }
    }
    if (pieces > 0) file.write(fragments, pieces);
  }
  context.meter.tell(files[placements.front().file].entry().path());
}

}  // namespace coppice
