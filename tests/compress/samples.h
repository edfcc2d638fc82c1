#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "base/bytes.h"

/// Data as it is found on disks, in miniature.
namespace coppice {

/// The same bytes for the same seed, everywhere.
inline Bytes random_bytes(std::size_t size, std::uint32_t seed = 1) {
  std::mt19937 generator(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator() >> 24);
  return bytes;
}

/// Words in random order.
inline Bytes text_bytes(std::size_t size, std::uint32_t seed = 1) {
  static constexpr const char* kWords[] = {"the ",  "root ", "keeps ", "what ",  "was ",
                                           "cut\n", "tree ", "grows ", "again ", "and "};
  std::mt19937 generator(seed);
  std::string text;
  while (text.size() < size) text += kWords[generator() % std::size(kWords)];
  text.resize(size);
  return to_bytes(as_bytes(text));
}

}  // namespace coppice
