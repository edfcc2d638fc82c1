#pragma once
#include <atomic>
#include <cstdint>

namespace coppice {

/// A number that many threads add to. Thread-safe.
class Counter {
 public:
  /// Adds `amount` and returns the value before.
  std::uint64_t add(std::uint64_t amount = 1) {
    return value_.fetch_add(amount, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace coppice
