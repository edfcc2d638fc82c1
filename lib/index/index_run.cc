#include "index/index_run.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "pack/pack_file.h"

namespace coppice {
namespace {

/// Also tells a run of another byte order or layout from ours.
constexpr std::uint64_t kImageMagic = 0x636F70696478'0004ULL;

/// Enough for nearly all buckets; one with hundreds of places of one chunk is read as it comes.
constexpr std::size_t kMostPrefetchedBytes = 1024;

struct ImageHeader {
  std::uint64_t magic = kImageMagic;
  std::uint64_t packs = 0;
  std::uint64_t sessions = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bases = 0;
  std::uint64_t chunks = 0;
};

constexpr std::uint64_t aligned(std::uint64_t size) { return (size + 7) & ~std::uint64_t{7}; }

/// The part of `image` with `count` records of T at `offset`.
template <typename T>
std::span<const T> records(ByteView image, std::uint64_t offset, std::uint64_t count) {
  return {reinterpret_cast<const T*>(image.data() + offset), static_cast<std::size_t>(count)};
}

template <typename T>
ByteView bytes_of(std::span<const T> records) {
  return {reinterpret_cast<const std::uint8_t*>(records.data()), records.size_bytes()};
}

/// A bucket's lines come from memory side by side, instead of one after the other while it is
/// searched.
void prefetch(ByteView bytes) {
  constexpr std::size_t kLineBytes = 64;
  const std::size_t size = std::min(bytes.size(), kMostPrefetchedBytes);
  for (std::size_t at = 0; at < size; at += kLineBytes) __builtin_prefetch(bytes.data() + at);
}

template <typename T>
void put(MutableByteView image, std::uint64_t offset, const std::vector<T>& items) {
  if (!items.empty()) std::memcpy(image.data() + offset, items.data(), items.size() * sizeof(T));
}

std::vector<std::uint32_t> fan_out_of(const std::vector<ChunkRecord>& chunks, unsigned bits) {
  std::vector<std::uint32_t> starts((std::size_t{1} << bits) + 1, 0);
  for (const ChunkRecord& chunk : chunks) ++starts[fan_out_bucket(chunk.id, bits) + 1];
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  return starts;
}

/// Counts that no honest run has would overflow the layout's sums.
bool is_sane(const ImageHeader& header) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  return header.packs < kMost && header.sessions < kMost && header.blocks < kMost &&
         header.bases < kMost && header.chunks < kMost;
}

}  // namespace

std::uint32_t fan_out_bucket(const Id& id, unsigned bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(id.bytes[0]) << 24 |
                             static_cast<std::uint32_t>(id.bytes[1]) << 16 |
                             static_cast<std::uint32_t>(id.bytes[2]) << 8 | id.bytes[3];
  return bits == 0 ? 0 : word >> (32 - bits);
}

unsigned RunLayout::fan_out_bits() const {
  const int width = static_cast<int>(std::bit_width(chunks));
  return static_cast<unsigned>(std::clamp(width - 3, 0, 24));
}

std::uint64_t RunLayout::fan_out_offset() const { return sizeof(ImageHeader); }
std::uint64_t RunLayout::packs_offset() const {
  return fan_out_offset() + aligned(((std::uint64_t{1} << fan_out_bits()) + 1) * 4);
}
std::uint64_t RunLayout::sessions_offset() const {
  return packs_offset() + aligned(packs * sizeof(PackRecord));
}
std::uint64_t RunLayout::blocks_offset() const {
  return sessions_offset() + aligned(sessions * sizeof(Id));
}
std::uint64_t RunLayout::bases_offset() const {
  return blocks_offset() + aligned(blocks * sizeof(BlockRecord));
}
std::uint64_t RunLayout::chunks_offset() const {
  return bases_offset() + aligned(bases * sizeof(BlockBase));
}
std::uint64_t RunLayout::image_size() const {
  return chunks_offset() + aligned(chunks * sizeof(ChunkRecord));
}

Bytes RunLayout::header() const {
  ImageHeader header;
  header.packs = packs;
  header.sessions = sessions;
  header.blocks = blocks;
  header.bases = bases;
  header.chunks = chunks;
  Bytes bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

std::span<const ChunkRecord> IndexRun::bucket_of(const Id& id) const {
  const std::uint32_t bucket = fan_out_bucket(id, fan_out_bits_);
  return chunks_.subspan(fan_out_[bucket], fan_out_[bucket + 1] - fan_out_[bucket]);
}

void IndexRun::expect(const Id& id) const {
  if (!chunks_.empty()) prefetch(bytes_of(bucket_of(id)));
}

std::span<const ChunkRecord> IndexRun::find(const Id& id) const {
  if (chunks_.empty()) return {};
  const std::span<const ChunkRecord> bucket = bucket_of(id);
  const ByteView bytes = bytes_of(bucket);
  prefetch(bytes);
  if (proof_ && !proof_->covers(bytes)) return {};
  const auto is_less = [](const ChunkRecord& c, const Id& key) {
    return std::memcmp(c.id.bytes.data(), key.bytes.data(), Id::kSize) < 0;
  };
  const auto from = std::lower_bound(bucket.begin(), bucket.end(), id, is_less);
  auto to = from;
  while (to != bucket.end() && to->id == id) ++to;
  return {from, to};
}

bool IndexRun::is_block_proved(const ChunkRecord& chunk) const {
  const BlockRecord& block = blocks_[chunk.block];
  return proof_->covers(bytes_of(std::span(&block, 1))) && proof_->covers(bytes_of(bases(block)));
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
  if (header.magic != kImageMagic || !is_sane(header))
    throw_damaged("index run: not one of this version");
  const RunLayout layout{header.packs, header.sessions, header.blocks, header.bases, header.chunks};
  if (image.size() != layout.image_size()) throw_damaged("index run: counts do not fit");
  IndexRun run;
  run.owner_ = std::move(owner);
  run.image_ = image;
  run.fan_out_bits_ = layout.fan_out_bits();
  run.fan_out_ = records<std::uint32_t>(image, layout.fan_out_offset(),
                                        (std::uint64_t{1} << layout.fan_out_bits()) + 1);
  run.packs_ = records<PackRecord>(image, layout.packs_offset(), layout.packs);
  run.sessions_ = records<Id>(image, layout.sessions_offset(), layout.sessions);
  run.blocks_ = records<BlockRecord>(image, layout.blocks_offset(), layout.blocks);
  run.bases_ = records<BlockBase>(image, layout.bases_offset(), layout.bases);
  run.chunks_ = records<ChunkRecord>(image, layout.chunks_offset(), layout.chunks);
  if (run.fan_out_.back() != header.chunks) throw_damaged("index run: counts do not fit");
  return run;
}

IndexRun IndexRun::from_unproved_image(std::shared_ptr<const void> owner, ByteView image,
                                       std::shared_ptr<const ImageProof> proof) {
  IndexRun run = from_image(std::move(owner), image);
  const auto* blocks = reinterpret_cast<const std::uint8_t*>(run.blocks_.data());
  if (!proof->covers({image.data(), static_cast<std::size_t>(blocks - image.data())}))
    throw_damaged("index run: altered");
  run.proof_ = std::move(proof);
  return run;
}

std::size_t IndexRunBuilder::size_in_bytes() const {
  return packs_.size() * sizeof(PackRecord) + blocks_.size() * sizeof(BlockRecord) +
         bases_.size() * sizeof(BlockBase) + chunks_.size() * sizeof(ChunkRecord);
}

std::uint32_t IndexRunBuilder::session_position(const Id& session) {
  const auto [found, is_new] =
      session_positions_.emplace(session, static_cast<std::uint32_t>(sessions_.size()));
  if (is_new) sessions_.push_back(session);
  return found->second;
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
      chunks_.push_back({chunk.id, block_position, raw_offset,
                         chunk.length | (info.is_delta() ? ChunkRecord::kDeltaBit : 0)});
      raw_offset += chunk.length;
    }
    offset += info.sealed_length;
  }
}

IndexRun IndexRunBuilder::build() {
  std::sort(chunks_.begin(), chunks_.end(), [](const ChunkRecord& a, const ChunkRecord& b) {
    const int order = std::memcmp(a.id.bytes.data(), b.id.bytes.data(), Id::kSize);
    return order != 0 ? order < 0 : a.block < b.block;
  });
  const RunLayout layout{packs_.size(), sessions_.size(), blocks_.size(), bases_.size(),
                         chunks_.size()};
  const auto size = static_cast<std::size_t>(layout.image_size());
  // A vector of words, so that the image is aligned for its records.
  auto image = std::make_shared<std::vector<std::uint64_t>>(size / 8);
  const MutableByteView bytes(reinterpret_cast<std::uint8_t*>(image->data()), size);
  put(bytes, 0, layout.header());
  put(bytes, layout.fan_out_offset(), fan_out_of(chunks_, layout.fan_out_bits()));
  put(bytes, layout.packs_offset(), packs_);
  put(bytes, layout.sessions_offset(), sessions_);
  put(bytes, layout.blocks_offset(), blocks_);
  put(bytes, layout.bases_offset(), bases_);
  put(bytes, layout.chunks_offset(), chunks_);
  *this = IndexRunBuilder();
  return IndexRun::from_image(image, bytes);
}

}  // namespace coppice
