#pragma once
#include <cstdint>
#include <random>

#include "index/index.h"

/// Runs with ids and places that a test can tell.
namespace coppice::test {

/// Deterministic ids: the n-th is the same in every run.
inline Id nth_id(std::uint64_t n) {
  std::mt19937_64 random(n);
  Id id;
  for (std::size_t i = 0; i < Id::kSize; ++i) id.bytes[i] = static_cast<std::uint8_t>(random());
  return id;
}

/// A table of `blocks` blocks of `per_block` chunks with ids from `first` on.
inline PackTable make_table(std::uint64_t first, std::size_t blocks, std::size_t per_block) {
  PackTable table;
  for (std::size_t b = 0; b < blocks; ++b) {
    BlockInfo block;
    block.seal = {nth_id(1'000'000 + first), b / 4, b};
    block.sealed_length = 1000 + static_cast<std::uint32_t>(b);
    for (std::size_t c = 0; c < per_block; ++c) {
      block.chunks.push_back({nth_id(first++), 100});
      block.raw_length += 100;
    }
    table.blocks.push_back(block);
  }
  return table;
}

inline PackUse trust_all(const PackRecord&) { return PackUse::trusted; }

inline IndexRun make_run(std::uint64_t first, std::size_t blocks, std::size_t per_block) {
  IndexRunBuilder builder;
  builder.add(nth_id(first + 5'000'000), 64 << 20, make_table(first, blocks, per_block));
  return builder.build();
}

}  // namespace coppice::test
