#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coppice {

/// A fixed number of flags that many threads raise and nobody lowers. Memory: one bit each.
/// Thread-safe.
class FlagTable {
 public:
  explicit FlagTable(std::size_t size) : words_((size + 63) / 64) {}

  void raise(std::size_t at) {
    std::atomic<std::uint64_t>& word = words_[at / 64];
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    // Mostly it is up already, and then no other core's copy of the line need go.
    if ((word.load(std::memory_order_relaxed) & bit) == 0) {
      word.fetch_or(bit, std::memory_order_relaxed);
    }
  }
  bool is_raised(std::size_t at) const {
    return (words_[at / 64].load(std::memory_order_relaxed) >> (at % 64) & 1) != 0;
  }

 private:
  std::vector<std::atomic<std::uint64_t>> words_;
};

}  // namespace coppice
