#include "compress/probe.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "compress/compressor.h"
#include "compress/samples.h"

using namespace coppice;

namespace {

constexpr std::size_t kSizes[] = {4 * kKiB, 5000, 16 * kKiB, 16 * kKiB + 1, 100 * kKiB, kMiB};

/// Machine code and tables in miniature: few opcodes, many zeros, small numbers, addresses that
/// share their top.
Bytes executable_bytes(std::size_t size) {
  Bytes bytes = random_bytes(size, 3);
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 4 == 0) bytes[i] = static_cast<std::uint8_t>(bytes[i] % 24 + 0x48);
    if (i % 4 == 3) bytes[i] = 0;
  }
  return bytes;
}

}  // namespace

TEST_CASE("random bytes look incompressible at every size from 4 KiB") {
  for (const std::size_t size : kSizes) {
    CAPTURE(size);
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
      if (!looks_incompressible(random_bytes(std::min(size, 100 * kKiB), seed))) FAIL(seed);
    }
    CHECK(looks_incompressible(random_bytes(size)));
  }
}

TEST_CASE("text, base64, zeros and programs look compressible at every size") {
  for (const std::size_t size : kSizes) {
    CAPTURE(size);
    CHECK_FALSE(looks_incompressible(text_bytes(size)));
    const std::string base64 = to_base64(as_text(random_bytes(size)));
    CHECK_FALSE(looks_incompressible(as_bytes(base64).first(size)));
    CHECK_FALSE(looks_incompressible(Bytes(size)));
    CHECK_FALSE(looks_incompressible(executable_bytes(size)));
  }
}

TEST_CASE("what zstd wrote looks incompressible") {
  Compressor compressor(3);
  const Bytes text = text_bytes(2 * kMiB);
  Bytes frame(Compressor::bound(text.size()));
  frame.resize(compressor.compress(text, frame));
  REQUIRE(frame.size() > 100 * kKiB);
  CHECK(looks_incompressible(frame));
}

TEST_CASE("less than 4 KiB never looks incompressible") {
  CHECK_FALSE(looks_incompressible({}));
  CHECK_FALSE(looks_incompressible(random_bytes(1)));
  CHECK_FALSE(looks_incompressible(random_bytes(4 * kKiB - 1)));
}

TEST_CASE("compressible parts are seen at the beginning, in the middle and at the end") {
  // A fifth of the data is text: three of the sixteen samples at least.
  for (const std::size_t at : {std::size_t{0}, 400 * kKiB, 800 * kKiB}) {
    Bytes data = random_bytes(1000 * kKiB);
    std::ranges::copy(text_bytes(200 * kKiB), data.begin() + static_cast<std::ptrdiff_t>(at));
    CHECK_FALSE(looks_incompressible(data));
  }
}
