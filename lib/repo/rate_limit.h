#pragma once
#include <cstdint>

namespace coppice {

/// Holds a stream of writes to an average rate by sleeping. Used by one thread.
class RateLimit {
 public:
  /// 0: no limit.
  explicit RateLimit(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  /// Accounts for `bytes` about to be written; sleeps as long as the stream is ahead of its rate.
  void spend(std::uint64_t bytes);

 private:
  std::uint64_t bytes_per_second_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t spent_ = 0;
};

}  // namespace coppice
