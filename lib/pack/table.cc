#include "pack/table.h"

#include <string>
#include <unordered_map>

#include "base/codec.h"
#include "base/error.h"
#include "pack/pack_file.h"

namespace coppice {
namespace {

constexpr std::uint8_t kTableVersion = 1;
constexpr std::uint8_t kTableObjectType = 2;
constexpr std::uint64_t kMaxSessions = 65536;
constexpr std::uint64_t kMaxBlocks = 1 << 20;
/// Smallest encodings, so that a count cannot promise more than the bytes hold.
constexpr std::size_t kMinBlockBytes = 3 + 3 + 1 + 32 + 1 + 1;
constexpr std::size_t kMinChunkBytes = 33;

Bytes signed_message(ByteView table, const Id& repository) {
  ByteWriter message;
  message.raw(as_bytes("coppice/1"));
  message.id(repository);
  message.u8(kTableObjectType);
  message.raw(table);
  return message.take();
}

/// Sessions in order of first appearance.
std::vector<Id> sessions_of(const PackTable& table, std::unordered_map<Id, std::size_t>& index_of) {
  std::vector<Id> sessions;
  for (const BlockInfo& block : table.blocks) {
    if (index_of.emplace(block.seal.session, sessions.size()).second) {
      sessions.push_back(block.seal.session);
    }
  }
  return sessions;
}

void encode_block(ByteWriter& out, const BlockInfo& block, std::size_t session) {
  out.u8(static_cast<std::uint8_t>(block.chunk_class));
  out.u8(block.encoding);
  out.u8(static_cast<std::uint8_t>(block.cipher));
  out.varint(session);
  out.varint(block.seal.ordinal);
  out.varint(block.seal.counter);
  out.varint(block.sealed_length);
  out.id(block.sealed_hash);
  out.varint(block.raw_length);
  if (block.is_delta()) {
    out.varint(block.bases.size());
    for (const BlockBase& base : block.bases) {
      out.id(base.id);
      out.varint(base.position);
    }
  }
  out.varint(block.chunks.size());
  for (const ChunkEntry& chunk : block.chunks) {
    out.id(chunk.id);
    out.varint(chunk.length);
  }
}

void decode_chunks(ByteReader& in, BlockInfo& block) {
  const std::size_t count = in.count(kMinChunkBytes, block.raw_length, "chunk count");
  block.chunks.reserve(count);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    ChunkEntry chunk;
    chunk.id = in.id();
    chunk.length = static_cast<std::uint32_t>(in.varint_max(kMaxBlockBytes, "chunk length"));
    if (chunk.length == 0) in.fail("empty chunk");
    total += chunk.length;
    block.chunks.push_back(chunk);
  }
  if (total != block.raw_length) in.fail("chunk lengths do not add up to the block");
}

BlockInfo decode_block(ByteReader& in, const std::vector<Id>& sessions) {
  BlockInfo block;
  block.chunk_class = static_cast<ChunkClass>(in.varint_max(1, "class"));
  block.encoding = in.u8();
  if (block.encoding > (kEncodingZstd | kEncodingDelta) || block.encoding == kEncodingDelta) {
    in.fail("unknown encoding");
  }
  const std::uint8_t cipher = in.u8();
  if (cipher < 1 || cipher > 2) in.fail("unknown cipher");
  block.cipher = static_cast<Cipher>(cipher);
  const std::uint64_t session = in.varint();
  if (session >= sessions.size()) in.fail("session out of range");
  block.seal.session = sessions[static_cast<std::size_t>(session)];
  block.seal.ordinal = in.varint();
  block.seal.counter = in.varint();
  block.sealed_length =
      static_cast<std::uint32_t>(in.varint_max(kMaxBlockBytes + 64U, "sealed length"));
  if (block.sealed_length <= kAeadTagBytes) in.fail("sealed length out of range");
  block.sealed_hash = in.id();
  block.raw_length = static_cast<std::uint32_t>(in.varint_max(kMaxBlockBytes, "raw length"));
  if (block.raw_length == 0) in.fail("empty block");
  if (block.is_delta()) {
    const std::size_t bases = in.count(Id::kSize + 1, kMaxBases, "base count");
    for (std::size_t i = 0; i < bases; ++i) {
      const Id id = in.id();
      const std::uint64_t position = in.varint_max(block.raw_length - 1, "position of a base");
      block.bases.push_back({id, static_cast<std::uint32_t>(position)});
    }
  }
  decode_chunks(in, block);
  return block;
}

}  // namespace

std::uint64_t PackTable::blocks_length() const {
  std::uint64_t total = 0;
  for (const BlockInfo& block : blocks) total += block.sealed_length;
  return total;
}

Bytes encode_table(const PackTable& table, const Id& repository, const SigningKey& key) {
  ByteWriter out;
  out.u8(kTableVersion);
  std::unordered_map<Id, std::size_t> index_of;
  const std::vector<Id> sessions = sessions_of(table, index_of);
  out.varint(sessions.size());
  for (const Id& session : sessions) out.id(session);
  out.varint(table.blocks.size());
  for (const BlockInfo& block : table.blocks)
    encode_block(out, block, index_of[block.seal.session]);
  const Signature signature = key.sign(signed_message(out.bytes(), repository));
  out.id(table.signer);
  out.id(signature);
  return out.take();
}

PackTable decode_table(ByteView encoded) {
  ByteReader in(encoded, "pack table");
  if (in.u8() != kTableVersion) {
    throw Error(ErrorKind::newer_version, "pack table: unknown version; use a newer coppice");
  }
  const std::size_t session_count = in.count(Id::kSize, kMaxSessions, "session count");
  std::vector<Id> sessions;
  sessions.reserve(session_count);
  for (std::size_t i = 0; i < session_count; ++i) sessions.push_back(in.id());
  PackTable table;
  const std::size_t block_count = in.count(kMinBlockBytes, kMaxBlocks, "block count");
  table.blocks.reserve(block_count);
  for (std::size_t i = 0; i < block_count; ++i) table.blocks.push_back(decode_block(in, sessions));
  if (table.blocks_length() > kMaxPackBytes) in.fail("blocks longer than a pack");
  table.signer = in.id<SlotId>();
  in.raw(Signature::kSize);
  in.expect_end();
  return table;
}

bool is_table_signed_by(ByteView encoded, const Id& repository, const PublicKey& key) {
  constexpr std::size_t kTail = SlotId::kSize + Signature::kSize;
  if (encoded.size() < kTail) return false;
  const ByteView table = encoded.first(encoded.size() - kTail);
  const Signature signature = Signature::from(encoded.last(Signature::kSize));
  return is_signed_by(key, signed_message(table, repository), signature);
}

}  // namespace coppice
