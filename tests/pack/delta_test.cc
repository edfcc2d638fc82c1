// Goal: a block becomes a delta exactly if that is clearly smaller, and what is sealed so opens
// with its bases' bytes and with nothing else (docs/format.md, section 7).
#include <doctest/doctest.h>

#include <random>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "pack/block_codec.h"
#include "pack/table.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

constexpr std::size_t kSize = 200'000;

Bytes noise_of(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

Id made_id(unsigned seed) { return Id::from(noise_of(32, seed)); }

/// The older version, with this share of its bytes replaced, in runs of 1000.
Bytes changed_version(const Bytes& older, double share) {
  Bytes newer = older;
  const auto run = static_cast<std::size_t>(1000 * share);
  for (std::size_t at = 0; at + 1000 <= newer.size(); at += 1000) {
    const Bytes fresh = noise_of(run, static_cast<unsigned>(1'000'000 + at));
    std::copy(fresh.begin(), fresh.end(), newer.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return newer;
}

/// These bytes with an x after each.
Bytes spread_out(const Bytes& bytes) {
  Bytes spread(2 * bytes.size(), 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) spread[2 * i] = bytes[i];
  return spread;
}

/// Seals one chunk with a fixed secret.
struct DeltaSealing {
  Secret32 secret{noise_of(32, 1)};
  std::uint64_t next = 0;
  BlockSealer sealer{3};

  BlockSealer::Sealed seal(const Bytes& raw, const DeltaTrial& trial) {
    BlockInfo info;
    info.chunks = {{blake3(raw), static_cast<std::uint32_t>(raw.size())}};
    info.bases = {{made_id(50), 0}, {made_id(51), 77}};
    return sealer.seal(
        info, raw,
        [this](ChunkClass) {
          return BlockSeal{made_id(2), 0, next++};
        },
        [this](ChunkClass) -> const Secret32& { return secret; }, trial);
  }
};

/// One delta with these bases, in a signed table.
Bytes encoded_table(const std::vector<BlockBase>& bases, std::uint8_t encoding) {
  PackTable table;
  BlockInfo block;
  block.encoding = encoding;
  block.seal = {made_id(2), 0, 0};
  block.sealed_length = 100;
  block.raw_length = 1000;
  block.bases = bases;
  block.chunks = {{made_id(3), 1000}};
  table.blocks.push_back(block);
  return encode_table(table, made_id(4), SigningKey::generate(system_random()));
}

}  // namespace

TEST_CASE("a block that is like its older version becomes a delta and keeps its bases") {
  DeltaSealing sealing;
  const Bytes older = noise_of(kSize, 7);
  const Bytes newer = changed_version(older, 0.01);
  const auto sealed = sealing.seal(newer, {older, kDeltaShare});
  CHECK(sealed.info.is_delta());
  CHECK(sealed.info.bases == std::vector<BlockBase>{{made_id(50), 0}, {made_id(51), 77}});
  CHECK(sealed.info.raw_length == kSize);
  CHECK(sealed.bytes.size() < kSize / 20);
  CHECK(sealing.next == 1);  // one seal, though several frames were tried
  CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret, older)) == newer);
}

TEST_CASE("with other bytes than its bases' a delta never opens to what was sealed") {
  DeltaSealing sealing;
  const Bytes older = noise_of(kSize, 7);
  const Bytes newer = changed_version(older, 0.01);
  const auto sealed = sealing.seal(newer, {older, kDeltaShare});
  REQUIRE(sealed.info.is_delta());
  Bytes shorter = older;
  shorter.resize(kSize / 2);
  for (const Bytes& wrong : {Bytes(), shorter, noise_of(kSize, 8)}) {
    try {
      CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret, wrong)) !=
            newer);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::damaged);
    }
  }
}

TEST_CASE("a delta is bound to being one") {
  DeltaSealing sealing;
  const Bytes older = noise_of(kSize, 7);
  auto sealed = sealing.seal(changed_version(older, 0.01), {older, kDeltaShare});
  REQUIRE(sealed.info.is_delta());
  sealed.info.encoding = kEncodingZstd;
  CHECK(kind_of([&] { BlockOpener().open(sealed.info, sealed.bytes, sealing.secret, older); }) ==
        ErrorKind::damaged);
}

TEST_CASE("a delta may take three quarters of the plain block, one against old bases a quarter") {
  DeltaSealing sealing;
  const Bytes older = noise_of(kSize, 7);
  struct Row {
    double changed;
    bool is_delta, is_old_delta;
  };
  for (const Row row : {Row{0.1, true, true}, Row{0.5, true, false}, Row{0.9, false, false}}) {
    CAPTURE(row.changed);
    const Bytes newer = changed_version(older, row.changed);
    const auto sealed = sealing.seal(newer, {older, kDeltaShare});
    CHECK(sealed.info.is_delta() == row.is_delta);
    CHECK(sealed.info.bases.empty() != row.is_delta);
    const auto old_sealed = sealing.seal(newer, {older, kOldDeltaShare});
    CHECK(old_sealed.info.is_delta() == row.is_old_delta);
    for (const auto* block : {&sealed, &old_sealed}) {
      const ByteView prefix = block->info.is_delta() ? ByteView(older) : ByteView();
      CHECK(to_bytes(BlockOpener().open(block->info, block->bytes, sealing.secret, prefix)) ==
            newer);
    }
  }
}

TEST_CASE("the share counts against what the plain block would be, not against the raw bytes") {
  DeltaSealing sealing;
  // Every other byte is an x: plain, that takes about 60 % of the raw bytes. A delta of nine tenths
  // of it is well below 75 % of the raw bytes, and not of the plain block.
  const Bytes older = spread_out(noise_of(kSize / 2, 7));
  const Bytes newer = spread_out(changed_version(noise_of(kSize / 2, 7), 0.9));
  const auto plain = sealing.seal(newer, {});
  REQUIRE(plain.info.encoding == kEncodingZstd);
  CHECK(plain.bytes.size() < kSize * 3 / 4);
  CHECK_FALSE(sealing.seal(newer, {older, kDeltaShare}).info.is_delta());
}

TEST_CASE("a wholly new block is plain and names no bases, as is one without bytes to build on") {
  DeltaSealing sealing;
  const Bytes newer = noise_of(kSize, 9);
  for (const DeltaTrial& trial : {DeltaTrial{noise_of(kSize, 7), kDeltaShare}, DeltaTrial{}}) {
    const auto sealed = sealing.seal(newer, trial);
    CHECK(sealed.info.encoding == 0);
    CHECK(sealed.info.bases.empty());
    CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret)) == newer);
  }
}

TEST_CASE("a block of one byte survives a trial against anything") {
  DeltaSealing sealing;
  const Bytes older = noise_of(kSize, 7);
  const auto sealed = sealing.seal({42}, {older, kDeltaShare});
  const ByteView prefix = sealed.info.is_delta() ? ByteView(older) : ByteView();
  CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret, prefix)) ==
        Bytes{42});
}

TEST_CASE("bases that begin like a zstd dictionary are bytes like any other") {
  DeltaSealing sealing;
  Bytes older = noise_of(kSize, 7);
  const Bytes magic{0x37, 0xA4, 0x30, 0xEC};
  std::copy(magic.begin(), magic.end(), older.begin());
  const Bytes newer = changed_version(older, 0.01);
  const auto sealed = sealing.seal(newer, {older, kDeltaShare});
  CHECK(sealed.info.is_delta());
  CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret, older)) == newer);
}

TEST_CASE("a delta against as much as bases may be together finds the first of their bytes") {
  DeltaSealing sealing;
  const Bytes older = noise_of(kMaxPrefixBytes, 7);
  Bytes newer(older.begin(), older.begin() + 300'000);
  newer[1000] ^= 1;
  const auto sealed = sealing.seal(newer, {older, kDeltaShare});
  CHECK(sealed.info.is_delta());
  CHECK(sealed.bytes.size() < 30'000);
  CHECK(to_bytes(BlockOpener().open(sealed.info, sealed.bytes, sealing.secret, older)) == newer);
}

TEST_CASE("a table holds 256 bases with their positions and refuses what no writer makes") {
  constexpr std::uint8_t kDelta = kEncodingZstd | kEncodingDelta;
  std::vector<BlockBase> bases;
  for (unsigned i = 0; i < kMaxBases; ++i) bases.push_back({made_id(100 + i), i * 3});
  bases.back().position = 999;  // the last byte of the block
  CHECK(decode_table(encoded_table(bases, kDelta)).blocks.front().bases == bases);
  const auto is_refused = [](const std::vector<BlockBase>& list, std::uint8_t encoding) {
    return kind_of([&] { decode_table(encoded_table(list, encoding)); }) == ErrorKind::damaged;
  };
  CHECK(is_refused({{made_id(1), 1000}}, kDelta));  // a position outside the block
  bases.push_back({made_id(1), 0});
  CHECK(is_refused(bases, kDelta));
  CHECK(is_refused({{made_id(1), 0}}, kEncodingDelta));  // a delta without a frame
  // A plain block has no bases on disk, whatever it is given.
  CHECK(decode_table(encoded_table(bases, kEncodingZstd)).blocks.front().bases.empty());
}

}  // namespace coppice::test
