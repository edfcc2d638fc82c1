#include "index/index_run.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "pack/pack_file.h"

namespace coppice {
namespace {

/// Also tells a run of another byte order or layout from ours.
constexpr std::uint64_t kImageMagic = 0x636F70696478'0002ULL;

struct ImageHeader {
  std::uint64_t magic = kImageMagic;
  std::uint64_t fan_out_bits = 0;
  std::uint64_t packs = 0;
  std::uint64_t sessions = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bases = 0;
  std::uint64_t chunks = 0;
};

std::size_t aligned(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

std::uint32_t leading_bits(const Id& id, unsigned bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(id.bytes[0]) << 24 |
                             static_cast<std::uint32_t>(id.bytes[1]) << 16 |
                             static_cast<std::uint32_t>(id.bytes[2]) << 8 | id.bytes[3];
  return bits == 0 ? 0 : word >> (32 - bits);
}

/// About eight chunks a bucket.
unsigned fan_out_bits_for(std::size_t chunks) {
  const int width = static_cast<int>(std::bit_width(chunks));
  return static_cast<unsigned>(std::clamp(width - 3, 0, 24));
}

/// Takes `count` items of T off the front of `image`.
template <typename T>
std::span<const T> take(ByteView& image, std::uint64_t count) {
  if (count > image.size() / sizeof(T)) throw_damaged("index run: cut short");
  const std::size_t size = static_cast<std::size_t>(count) * sizeof(T);
  const auto* first = reinterpret_cast<const T*>(image.data());
  image = image.subspan(std::min(aligned(size), image.size()));
  return {first, static_cast<std::size_t>(count)};
}

template <typename T>
void put(MutableByteView image, std::size_t& offset, const T* items, std::size_t count) {
  if (count > 0) std::memcpy(image.data() + offset, items, count * sizeof(T));
  offset += aligned(count * sizeof(T));
}

std::vector<std::uint32_t> fan_out_of(const std::vector<ChunkRecord>& chunks, unsigned bits) {
  std::vector<std::uint32_t> starts((std::size_t{1} << bits) + 1, 0);
  for (const ChunkRecord& chunk : chunks) ++starts[leading_bits(chunk.id, bits) + 1];
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  return starts;
}

}  // namespace

std::span<const ChunkRecord> IndexRun::find(const Id& id) const {
  if (chunks_.empty()) return {};
  const std::uint32_t bucket = leading_bits(id, fan_out_bits_);
  const auto first = chunks_.begin() + fan_out_[bucket];
  const auto last = chunks_.begin() + fan_out_[bucket + 1];
  const auto from = std::lower_bound(first, last, id, [](const ChunkRecord& c, const Id& key) {
    return std::memcmp(c.id.bytes.data(), key.bytes.data(), Id::kSize) < 0;
  });
  auto to = from;
  while (to != last && to->id == id) ++to;
  return {from, to};
}

BlockInfo IndexRun::block_info(const BlockRecord& block) const {
  BlockInfo info;
  info.chunk_class = static_cast<ChunkClass>(block.chunk_class);
  info.encoding = block.encoding;
  info.cipher = static_cast<Cipher>(block.cipher);
  info.seal = {sessions_[block.session], block.ordinal, block.counter};
  info.sealed_length = block.sealed_length;
  info.sealed_hash = block.sealed_hash;
  info.raw_length = block.raw_length;
  const std::span<const BlockBase> needed = bases(block);
  info.bases.assign(needed.begin(), needed.end());
  return info;
}

IndexRun IndexRun::from_image(std::shared_ptr<const void> owner, ByteView image) {
  ImageHeader header;
  if (image.size() < sizeof header) throw_damaged("index run: cut short");
  std::memcpy(&header, image.data(), sizeof header);
  if (header.magic != kImageMagic || header.fan_out_bits > 24)
    throw_damaged("index run: not one of this version");
  IndexRun run;
  run.owner_ = std::move(owner);
  run.image_ = image;
  run.fan_out_bits_ = static_cast<unsigned>(header.fan_out_bits);
  ByteView rest = image.subspan(sizeof header);
  run.fan_out_ = take<std::uint32_t>(rest, (std::uint64_t{1} << header.fan_out_bits) + 1);
  run.packs_ = take<PackRecord>(rest, header.packs);
  run.sessions_ = take<Id>(rest, header.sessions);
  run.blocks_ = take<BlockRecord>(rest, header.blocks);
  run.bases_ = take<BlockBase>(rest, header.bases);
  run.chunks_ = take<ChunkRecord>(rest, header.chunks);
  if (!rest.empty() || run.fan_out_.back() != header.chunks)
    throw_damaged("index run: counts do not fit");
  return run;
}

std::uint32_t IndexRunBuilder::session_position(const Id& session) {
  // Tables name few sessions and the newest is the likeliest: a search from the end is as good as a
  // map.
  const auto found = std::find(sessions_.rbegin(), sessions_.rend(), session);
  if (found != sessions_.rend()) return static_cast<std::uint32_t>(sessions_.rend() - found - 1);
  sessions_.push_back(session);
  return static_cast<std::uint32_t>(sessions_.size() - 1);
}

void IndexRunBuilder::add(const Id& pack, std::uint64_t pack_length, const PackTable& table) {
  const auto pack_position = static_cast<std::uint32_t>(packs_.size());
  packs_.push_back({pack, pack_length, table.signer});
  std::uint64_t offset = kObjectPrefixBytes;
  for (const BlockInfo& info : table.blocks) {
    BlockRecord block;
    block.offset = offset;
    block.ordinal = info.seal.ordinal;
    block.counter = info.seal.counter;
    block.pack = pack_position;
    block.session = session_position(info.seal.session);
    block.sealed_length = info.sealed_length;
    block.raw_length = info.raw_length;
    block.first_base = static_cast<std::uint32_t>(bases_.size());
    block.base_count = static_cast<std::uint16_t>(info.bases.size());
    block.chunk_class = static_cast<std::uint8_t>(info.chunk_class);
    block.encoding = info.encoding;
    block.cipher = static_cast<std::uint8_t>(info.cipher);
    block.sealed_hash = info.sealed_hash;
    bases_.insert(bases_.end(), info.bases.begin(), info.bases.end());
    const auto block_position = static_cast<std::uint32_t>(blocks_.size());
    blocks_.push_back(block);
    std::uint32_t raw_offset = 0;
    for (const ChunkEntry& chunk : info.chunks) {
      chunks_.push_back({chunk.id, block_position, raw_offset, chunk.length});
      raw_offset += chunk.length;
    }
    offset += info.sealed_length;
  }
}

void IndexRunBuilder::add(const IndexRun& run) {
  const auto first_pack = static_cast<std::uint32_t>(packs_.size());
  const auto first_block = static_cast<std::uint32_t>(blocks_.size());
  const auto first_base = static_cast<std::uint32_t>(bases_.size());
  packs_.insert(packs_.end(), run.packs_.begin(), run.packs_.end());
  bases_.insert(bases_.end(), run.bases_.begin(), run.bases_.end());
  for (BlockRecord block : run.blocks_) {
    block.pack += first_pack;
    block.session = session_position(run.sessions_[block.session]);
    block.first_base += first_base;
    blocks_.push_back(block);
  }
  for (ChunkRecord chunk : run.chunks_) {
    chunk.block += first_block;
    chunks_.push_back(chunk);
  }
}

IndexRun IndexRunBuilder::build() {
  std::sort(chunks_.begin(), chunks_.end(), [](const ChunkRecord& a, const ChunkRecord& b) {
    const int order = std::memcmp(a.id.bytes.data(), b.id.bytes.data(), Id::kSize);
    return order != 0 ? order < 0 : a.block < b.block;
  });
  ImageHeader header;
  header.fan_out_bits = fan_out_bits_for(chunks_.size());
  header.packs = packs_.size();
  header.sessions = sessions_.size();
  header.blocks = blocks_.size();
  header.bases = bases_.size();
  header.chunks = chunks_.size();
  const auto fan_out = fan_out_of(chunks_, static_cast<unsigned>(header.fan_out_bits));
  const std::size_t size =
      sizeof header + aligned(fan_out.size() * 4) + aligned(packs_.size() * sizeof(PackRecord)) +
      aligned(sessions_.size() * sizeof(Id)) + aligned(blocks_.size() * sizeof(BlockRecord)) +
      aligned(bases_.size() * sizeof(BlockBase)) + aligned(chunks_.size() * sizeof(ChunkRecord));
  // A vector of words, so that the image is aligned for its records.
  auto image = std::make_shared<std::vector<std::uint64_t>>(size / 8);
  const MutableByteView bytes(reinterpret_cast<std::uint8_t*>(image->data()), size);
  std::size_t offset = 0;
  put(bytes, offset, &header, 1);
  put(bytes, offset, fan_out.data(), fan_out.size());
  put(bytes, offset, packs_.data(), packs_.size());
  put(bytes, offset, sessions_.data(), sessions_.size());
  put(bytes, offset, blocks_.data(), blocks_.size());
  put(bytes, offset, bases_.data(), bases_.size());
  put(bytes, offset, chunks_.data(), chunks_.size());
  *this = IndexRunBuilder();
  return IndexRun::from_image(image, bytes);
}

}  // namespace coppice
