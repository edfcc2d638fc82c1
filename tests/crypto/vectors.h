#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/random.h"

/// What the tests of published vectors share.
namespace coppice {

inline Bytes hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  REQUIRE(from_hex(text, bytes));
  return bytes;
}

inline Secret32 secret_hex(std::string_view text) { return Secret32(hex(text)); }

/// `size` bytes counting up from `first`, modulo 251 as in BLAKE3's own vectors.
inline Bytes counting_bytes(std::size_t size, std::size_t first = 0) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>((first + i) % 251);
  return bytes;
}

inline Secret32 counting_secret(std::size_t first) { return Secret32(counting_bytes(32, first)); }

/// Counts up from a given byte: two that begin alike are clones of each other.
class CountingRandom final : public RandomSource {
 public:
  explicit CountingRandom(std::uint8_t first) : next_(first) {}
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_;
};

}  // namespace coppice
