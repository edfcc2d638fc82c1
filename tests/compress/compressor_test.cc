#include "compress/compressor.h"

#include <doctest/doctest.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "compress/samples.h"

using namespace coppice;

namespace {

Bytes compressed(Compressor& compressor, ByteView raw, ByteView prefix = {}) {
  Bytes frame(Compressor::bound(raw.size()));
  const std::size_t size = prefix.empty() ? compressor.compress(raw, frame)
                                          : compressor.compress_with_prefix(raw, prefix, frame);
  REQUIRE(size > 0);
  frame.resize(size);
  return frame;
}

Bytes decompressed(Decompressor& decompressor, ByteView frame, std::size_t raw_size,
                   ByteView prefix = {}) {
  Bytes raw(raw_size, 0xEE);
  decompressor.decompress(frame, raw, prefix);
  return raw;
}

void check_damaged(Decompressor& decompressor, ByteView frame, std::size_t raw_size,
                   ByteView prefix = {}) {
  try {
    decompressed(decompressor, frame, raw_size, prefix);
    FAIL("decompressed");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::damaged);
  }
}

/// A new version of a file: a few bytes differ.
Bytes edited(Bytes bytes) {
  for (std::size_t i = 1000; i < bytes.size(); i += 20'000) bytes[i] ^= 1;
  return bytes;
}

Bytes joined(ByteView first, ByteView second) {
  Bytes both = to_bytes(first);
  both.insert(both.end(), second.begin(), second.end());
  return both;
}

}  // namespace

TEST_CASE("what is compressed comes back, at every level and size") {
  Decompressor decompressor;
  for (const int level : {1, 3, 9, 19}) {
    Compressor compressor(level);
    for (const std::size_t size : {0U, 1U, 100U, 5000U, 70'000U, 300'000U}) {
      CAPTURE(level);
      CAPTURE(size);
      for (const Bytes& raw : {text_bytes(size), random_bytes(size), Bytes(size)}) {
        const Bytes frame = compressed(compressor, raw);
        if (decompressed(decompressor, frame, size) != raw) FAIL("differs");
      }
    }
  }
}

TEST_CASE("a frame says its content size, and has neither checksum nor dictionary id") {
  Compressor compressor(3);
  const Bytes raw = text_bytes(100'000);
  for (const Bytes& frame :
       {compressed(compressor, raw), compressed(compressor, raw, edited(raw))}) {
    CHECK(ZSTD_getFrameContentSize(frame.data(), frame.size()) == raw.size());
    // RFC 8878, section 3.1.1.1.1: bit 2 is the checksum, bits 0 and 1 the dictionary id.
    CHECK((frame[4] & 0x07) == 0);
  }
}

TEST_CASE("compress returns 0 where the result would not fit, and goes on working") {
  Compressor compressor(3);
  Decompressor decompressor;
  const Bytes random = random_bytes(100'000);
  const Bytes text = text_bytes(100'000);
  Bytes small(random.size() - 1);
  CHECK(compressor.compress(random, small) == 0);
  CHECK(compressor.compress(random, {}) == 0);
  CHECK(compressor.compress_with_prefix(random, text, small) == 0);
  CHECK(compressor.compress(text, MutableByteView(small).first(50)) == 0);
  const Bytes frame = compressed(compressor, text);
  CHECK(frame.size() < text.size() / 2);
  CHECK(decompressed(decompressor, frame, text.size()) == text);
}

TEST_CASE("one context gives the frames that fresh ones would") {
  const Bytes raw = text_bytes(200'000);
  const Bytes prefix = edited(raw);
  Compressor reused(1);
  for (int round = 0; round < 3; ++round) {
    Compressor fresh(1);
    CHECK(compressed(reused, raw) == compressed(fresh, raw));
    CHECK(compressed(reused, raw, prefix) == compressed(fresh, raw, prefix));
  }
}

TEST_CASE("against its older version a changed block is a hundredth of its size") {
  Decompressor decompressor;
  for (const int level : {1, 3, 9}) {
    CAPTURE(level);
    Compressor compressor(level);
    const Bytes older = random_bytes(1 << 20);
    const Bytes newer = edited(older);
    const Bytes delta = compressed(compressor, newer, older);
    CHECK(delta.size() < newer.size() / 100);
    CHECK(decompressed(decompressor, delta, newer.size(), older) == newer);
    // The prefix holds for one call only, on both sides.
    CHECK(compressed(compressor, newer).size() > newer.size() / 2);
    check_damaged(decompressor, delta, newer.size());
  }
}

TEST_CASE("every part of a prefix of 4 MiB is found, at every level") {
  Decompressor decompressor;
  const Bytes older = random_bytes(4 * kMiB);
  for (const int level : {1, 7, 19}) {
    CAPTURE(level);
    Compressor compressor(level);
    for (std::size_t at = 0; at < older.size(); at += kMiB) {
      const Bytes newer = edited(to_bytes(ByteView(older).subspan(at, kMiB)));
      const Bytes delta = compressed(compressor, newer, older);
      CHECK(delta.size() < newer.size() / 100);
      if (decompressed(decompressor, delta, newer.size(), older) != newer) FAIL("differs");
    }
  }
}

TEST_CASE("a prefix that is larger than the window still serves with its end") {
  Compressor compressor(3);
  Decompressor decompressor;
  const Bytes older = random_bytes(12 * kMiB);
  const Bytes newer = to_bytes(ByteView(older).last(kMiB));
  const Bytes delta = compressed(compressor, newer, older);
  CHECK(delta.size() < newer.size() / 100);
  if (decompressed(decompressor, delta, newer.size(), older) != newer) FAIL("differs");
}

TEST_CASE("tiny blocks and tiny prefixes work") {
  Compressor compressor(3);
  Decompressor decompressor;
  for (const std::size_t prefix_size : {1U, 7U, 8U, 100U}) {
    for (const std::size_t size : {0U, 1U, 20U, 1000U}) {
      const Bytes prefix = text_bytes(prefix_size);
      const Bytes raw = text_bytes(size);
      CHECK(decompressed(decompressor, compressed(compressor, raw, prefix), size, prefix) == raw);
    }
  }
}

TEST_CASE("a prefix that looks like a dictionary is taken as bytes") {
  // RFC 8878, section 5: the magic number of dictionaries.
  Bytes prefix = random_bytes(50'000);
  std::ranges::copy(std::array<std::uint8_t, 4>{0x37, 0xA4, 0x30, 0xEC}, prefix.begin());
  const Bytes raw = edited(prefix);
  Compressor compressor(3);
  Decompressor decompressor;
  const Bytes delta = compressed(compressor, raw, prefix);
  CHECK(delta.size() < 1000);
  CHECK(decompressed(decompressor, delta, raw.size(), prefix) == raw);
}

TEST_CASE("a frame of another size, cut short or followed by anything is damaged") {
  Compressor compressor(3);
  Decompressor decompressor;
  const Bytes raw = text_bytes(5000);
  const Bytes frame = compressed(compressor, raw);
  for (const std::size_t size : {0U, 4999U, 5001U, 1U << 20})
    check_damaged(decompressor, frame, size);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    check_damaged(decompressor, ByteView(frame).first(size), raw.size());
  }
  check_damaged(decompressor, joined(frame, Bytes(1)), raw.size());
  const Bytes empty_frame = compressed(compressor, {});
  const Bytes skippable = {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0};
  check_damaged(decompressor, joined(frame, empty_frame), raw.size());
  check_damaged(decompressor, joined(empty_frame, frame), raw.size());
  check_damaged(decompressor, joined(frame, skippable), raw.size());
  check_damaged(decompressor, joined(skippable, frame), raw.size());
  check_damaged(decompressor, skippable, 0);
  CHECK(decompressed(decompressor, frame, raw.size()) == raw);
}

TEST_CASE("a frame without content size, or with a window beyond 8 MiB, is damaged") {
  const Bytes raw = text_bytes(1000);
  // Magic, descriptor, window, and one raw block that is the last: RFC 8878, section 3.1.1.
  auto frame = [&](std::uint8_t descriptor, Bytes fields) {
    const Bytes magic = {0x28, 0xB5, 0x2F, 0xFD, descriptor};
    const std::size_t header = raw.size() << 3 | 1;
    for (int i = 0; i < 3; ++i) fields.push_back(static_cast<std::uint8_t>(header >> (8 * i)));
    return joined(joined(magic, fields), raw);
  };
  constexpr std::uint8_t kSizeIn2Bytes = 0x40;  // stored minus 256
  const std::uint8_t low = (1000 - 256) & 0xFF;
  const std::uint8_t high = (1000 - 256) >> 8;
  constexpr std::uint8_t kWindow8MiB = 13 << 3;
  Decompressor decompressor;
  CHECK(decompressed(decompressor, frame(kSizeIn2Bytes, {kWindow8MiB, low, high}), 1000) == raw);
  check_damaged(decompressor, frame(kSizeIn2Bytes, {kWindow8MiB + 1, low, high}), 1000);
  check_damaged(decompressor, frame(kSizeIn2Bytes, {14 << 3, low, high}), 1000);
  check_damaged(decompressor, frame(kSizeIn2Bytes, {0xFF, low, high}), 1000);
  check_damaged(decompressor, frame(0, {kWindow8MiB}), 1000);
}

TEST_CASE("hostile bytes neither crash the decompressor nor make it grow") {
  Compressor compressor(3);
  Decompressor decompressor;
  const Bytes older = text_bytes(3000, 2);
  const Bytes raw = text_bytes(3000);
  for (const Bytes& prefix : {Bytes{}, older}) {
    const Bytes frame = compressed(compressor, raw, prefix);
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      Bytes flipped = frame;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
      // Without checksum some flips go unseen here; the seal around a block finds them.
      Bytes out(raw.size());
      try {
        decompressor.decompress(flipped, out, prefix);
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::damaged);
      }
    }
    CHECK(decompressed(decompressor, frame, raw.size(), prefix) == raw);
  }
  CHECK(decompressor.memory_bytes() < 256 * kKiB);
}

TEST_CASE("the memory of a context is bounded") {
  const Bytes raw = random_bytes(kMiB);
  const Bytes prefix = random_bytes(4 * kMiB, 2);
  Bytes out(Compressor::bound(kMiB));
  Compressor usual(3);
  usual.compress(raw, out);
  CHECK(usual.memory_bytes() < 3 * kMiB / 2);
  usual.compress(Bytes(40 * kMiB), out);
  CHECK(usual.memory_bytes() < 3 * kMiB / 2);
  usual.compress_with_prefix(raw, prefix, out);
  CHECK(usual.memory_bytes() < 5 * kMiB);
  Compressor strongest(Compressor::kMaxLevel);
  strongest.compress(raw, out);
  CHECK(strongest.memory_bytes() < 25 * kMiB);
  strongest.compress_with_prefix(raw, prefix, out);
  CHECK(strongest.memory_bytes() < 25 * kMiB);
}

TEST_CASE("levels out of range are a usage error") {
  for (const int level : {0, -1, 20, 22, std::numeric_limits<int>::max()}) {
    CHECK_THROWS_AS(Compressor{level}, Error);
  }
}
