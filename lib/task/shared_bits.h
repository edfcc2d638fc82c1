#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

namespace coppice {

/// Bits that any thread may set and ask for. A bit says that something has been done that would be
/// harmless to do twice; it orders no other memory.
class SharedBits {
 public:
  explicit SharedBits(std::size_t count) : words_((count + 63) / 64) {}

  bool test(std::size_t bit) const {
    return (words_[bit / 64].load(std::memory_order_relaxed) >> (bit % 64) & 1) != 0;
  }
  void set(std::size_t bit) {
    words_[bit / 64].fetch_or(std::uint64_t{1} << (bit % 64), std::memory_order_relaxed);
  }

 private:
  std::vector<std::atomic<std::uint64_t>> words_;
};

}  // namespace coppice
