#include <doctest/doctest.h>

#include <random>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "pack/block_codec.h"
#include "pack/pack_file.h"
#include "pack/table.h"
#include "support/thrown_error.h"

using namespace coppice;
using coppice::test::kind_of;

namespace {

Bytes noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

Id id_of(unsigned seed) { return Id::from(noise(32, seed)); }

/// Seals with one fixed class secret and counts attempts.
struct Sealing {
  Secret32 secret{noise(32, 1)};
  std::uint64_t next = 0;
  BlockSealer sealer{3};

  BlockSealer::Sealed seal(const Bytes& raw) {
    BlockInfo info;
    info.chunks = {{blake3(raw), static_cast<std::uint32_t>(raw.size())}};
    return sealer.seal(
        info, raw,
        [this](ChunkClass) {
          return BlockSeal{id_of(2), next / 4096, next++};
        },
        [this](ChunkClass) -> const Secret32& { return secret; });
  }
};

PackTable small_table(Sealing& sealing) {
  PackTable table;
  table.signer = SlotId::from(noise(16, 3));
  for (unsigned i = 0; i < 3; ++i)
    table.blocks.push_back(sealing.seal(noise(1000 + i, 10 + i)).info);
  table.blocks[1].encoding = kEncodingZstd | kEncodingDelta;
  table.blocks[1].bases = {{id_of(20), 0}, {id_of(21), 5}};
  return table;
}

}  // namespace

TEST_CASE("a block that compresses is stored compressed, one that does not is stored as it is") {
  Sealing sealing;
  const Bytes text(100'000, 'x');
  const auto small = sealing.seal(text);
  CHECK(small.info.encoding == kEncodingZstd);
  CHECK(small.bytes.size() < 1000);
  CHECK(to_bytes(BlockOpener().open(small.info, small.bytes, sealing.secret)) == text);
  const Bytes random = noise(100'000, 5);
  const auto large = sealing.seal(random);
  CHECK(large.info.encoding == 0);
  CHECK(large.bytes.size() == random.size() + kAeadTagBytes);
  CHECK(to_bytes(BlockOpener().open(large.info, large.bytes, sealing.secret)) == random);
  CHECK(large.info.seal.counter == small.info.seal.counter + 1);
}

TEST_CASE("a block of one byte survives") {
  Sealing sealing;
  const auto sealed = sealing.seal({42});
  CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret)) == Bytes{42});
}

TEST_CASE("a sealed block opens only as it was: every byte and everything it is bound to counts") {
  Sealing sealing;
  const auto sealed = sealing.seal(noise(300, 6));
  for (std::size_t i = 0; i < sealed.bytes.size(); ++i) {
    UnsetBytes flipped = sealed.bytes;
    flipped[i] ^= 0x40;
    CHECK(kind_of([&] { BlockOpener().open(sealed.info, flipped, sealing.secret); }) ==
          ErrorKind::damaged);
  }
  BlockInfo other = sealed.info;
  other.seal.counter += 1;
  CHECK(kind_of([&] { BlockOpener().open(other, sealed.bytes, sealing.secret); }) ==
        ErrorKind::damaged);
  other = sealed.info;
  other.chunk_class = ChunkClass::metadata;
  CHECK(kind_of([&] { BlockOpener().open(other, sealed.bytes, sealing.secret); }) ==
        ErrorKind::damaged);
  other = sealed.info;
  other.raw_length += 1;
  CHECK(kind_of([&] { BlockOpener().open(other, sealed.bytes, sealing.secret); }) ==
        ErrorKind::damaged);
}

TEST_CASE("a delta block opens with its prefix") {
  Sealing sealing;
  const Bytes base = noise(50'000, 7);
  Bytes next = base;
  next[100] ^= 1;
  Bytes frame(Compressor::bound(next.size()));
  frame.resize(Compressor(3).compress_with_prefix(next, base, frame));
  CHECK(frame.size() < 1000);
  BlockInfo info;
  info.encoding = kEncodingZstd | kEncodingDelta;
  info.raw_length = static_cast<std::uint32_t>(next.size());
  info.seal = {id_of(2), 0, 0};
  Bytes sealed(frame.size() + kAeadTagBytes);
  Aead(info.cipher, block_key(sealing.secret, info.chunk_class, info.seal))
      .seal(counter_nonce(0), block_associated_data(info), frame, sealed);
  info.sealed_length = static_cast<std::uint32_t>(sealed.size());
  CHECK(to_bytes(BlockOpener().open(info, sealed, sealing.secret, base)) == next);
}

TEST_CASE("a table comes back as it was signed, and only its signer's key fits") {
  Sealing sealing;
  const PackTable table = small_table(sealing);
  const SigningKey key = SigningKey::generate(system_random());
  const Id repository = id_of(30);
  const Bytes encoded = encode_table(table, repository, key);
  const PackTable back = decode_table(encoded);
  REQUIRE(back.blocks.size() == 3);
  CHECK(back.signer == table.signer);
  CHECK(back.blocks[1].bases == table.blocks[1].bases);
  CHECK(back.blocks[2].seal.counter == table.blocks[2].seal.counter);
  CHECK(back.blocks[2].sealed_hash == table.blocks[2].sealed_hash);
  CHECK(back.blocks_length() == table.blocks_length());
  CHECK(is_table_signed_by(encoded, repository, key.public_key()));
  CHECK_FALSE(is_table_signed_by(encoded, id_of(31), key.public_key()));
  CHECK_FALSE(
      is_table_signed_by(encoded, repository, SigningKey::generate(system_random()).public_key()));
}

TEST_CASE("a table that is cut or flipped never crashes and never keeps its signature") {
  Sealing sealing;
  const SigningKey key = SigningKey::generate(system_random());
  const Bytes encoded = encode_table(small_table(sealing), id_of(30), key);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    CHECK(kind_of([&] { decode_table(ByteView(encoded).first(size)); }) == ErrorKind::damaged);
  }
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    Bytes flipped = encoded;
    flipped[i] ^= 0x81;
    try {
      decode_table(flipped);
    } catch (const Error&) {  // refused, which is as good
    }
    const bool is_signer = i >= encoded.size() - Signature::kSize - SlotId::kSize &&
                           i < encoded.size() - Signature::kSize;
    if (!is_signer) CHECK_FALSE(is_table_signed_by(flipped, id_of(30), key.public_key()));
  }
}

TEST_CASE("packs have PADMÉ sizes: at most 12 % more, less for large ones, and stable") {
  CHECK(padded_size(1) == kMinPaddedBytes);
  CHECK(padded_size(kPackTargetBytes) == kPackTargetBytes);
  for (std::uint64_t size = kMinPaddedBytes; size < 1 << 26; size += 77'777) {
    const std::uint64_t padded = padded_size(size);
    CHECK(padded >= size);
    CHECK(padded <= size + size / 8);
    CHECK(padded_size(padded) == padded);
  }
}

TEST_CASE("a pack's table is found through its footer, and every byte of tail and prefix counts") {
  const Secret32 key{noise(32, 8)};
  const Id repository = id_of(40);
  ObjectPrefix prefix;
  prefix.epoch = 7;
  fill_random(prefix.nonce);
  Bytes pack = prefix.encode(kPackMagic);
  REQUIRE(pack.size() == kObjectPrefixBytes);
  const Bytes table = noise(500, 9);
  const Bytes tail = seal_pack_tail(prefix, key, repository, pack.size(), table);
  pack.insert(pack.end(), tail.begin(), tail.end());
  CHECK(pack.size() == padded_size(pack.size()));
  const ObjectPrefix read = ObjectPrefix::decode(ByteView(pack), kPackMagic, "pack");
  CHECK(read.epoch == 7);
  const ByteView footer = ByteView(pack).last(kPackFooterBytes);
  const TablePlace place = open_pack_footer(read, key, repository, footer, pack.size());
  const ByteView sealed = ByteView(pack).subspan(static_cast<std::size_t>(place.offset),
                                                 static_cast<std::size_t>(place.length));
  CHECK(open_pack_table(read, key, repository, sealed) == table);
  CHECK(kind_of([&] { open_pack_footer(read, key, id_of(41), footer, pack.size()); }) ==
        ErrorKind::damaged);
  CHECK(kind_of([&] { open_pack_footer(read, key, repository, footer, 100); }) ==
        ErrorKind::damaged);
  Bytes newer = prefix.encode(kPackMagic);
  newer[8] = 2;
  CHECK(kind_of([&] { ObjectPrefix::decode(newer, kPackMagic, "pack"); }) ==
        ErrorKind::newer_version);
  newer[0] = 'x';
  CHECK(kind_of([&] { ObjectPrefix::decode(newer, kPackMagic, "pack"); }) == ErrorKind::damaged);
}
