#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

#include "base/bytes.h"
#include "base/secret.h"

namespace coppice {

struct Seed {
  std::uint64_t value;
};
struct Period {
  std::size_t bytes;
};

/// A secret of 32 times the same byte.
inline Secret32 test_secret(std::uint8_t value) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(value);
  return Secret32(bytes);
}

inline Bytes random_bytes(std::size_t size, Seed seed) {
  std::mt19937_64 generator(seed.value);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator() >> 32);
  return bytes;
}

/// Words of lower-case letters, spaces and line ends.
inline Bytes text_bytes(std::size_t size, Seed seed) {
  std::mt19937_64 generator(seed.value);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) {
    const std::uint64_t draw = generator() % 32;
    const std::uint64_t letter = std::min(draw, generator() % 26);
    byte = static_cast<std::uint8_t>(draw < 26 ? 'a' + letter : draw == 31 ? '\n' : ' ');
  }
  return bytes;
}

/// The same `period` random bytes over and over.
inline Bytes periodic_bytes(std::size_t size, Period period, Seed seed) {
  Bytes bytes = random_bytes(period.bytes, seed);
  bytes.resize(size);
  for (std::size_t i = period.bytes; i < size; ++i) bytes[i] = bytes[i - period.bytes];
  return bytes;
}

/// The secret and the stream of the test vector in docs/format.md, "Cutting".
inline Secret32 test_vector_secret() {
  std::array<std::uint8_t, 32> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return Secret32(bytes);
}

inline Bytes test_vector_bytes(std::size_t size) {
  std::uint32_t state = 1;
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

}  // namespace coppice
