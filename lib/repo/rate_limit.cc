#include "repo/rate_limit.h"

#include <time.h>

#include "base/clock.h"

namespace coppice {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

void RateLimit::spend(std::uint64_t bytes) {
  if (bytes_per_second_ == 0) return;
  const std::uint64_t now = system_clock().monotonic_ns();
  if (spent_ == 0) start_ns_ = now;
  // What was spent before this call must have taken its time; floating point, because bytes × 10⁹
  // overflows.
  const double due = static_cast<double>(spent_) / static_cast<double>(bytes_per_second_) *
                     static_cast<double>(kSecond);
  const auto elapsed = static_cast<double>(now - start_ns_);
  spent_ += bytes;
  if (due <= elapsed) return;
  const auto pause = static_cast<std::uint64_t>(due - elapsed);
  const timespec time{static_cast<time_t>(pause / kSecond), static_cast<long>(pause % kSecond)};
  nanosleep(&time, nullptr);
}

}  // namespace coppice
