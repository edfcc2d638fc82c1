#pragma once
#include <compare>
#include <cstdint>
#include <string>

namespace coppice {

/// A point in time: seconds since 1970 (negative before) and nanoseconds 0 … 999,999,999.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  auto operator<=>(const Timestamp&) const = default;
};

/// Where the time comes from; tests bring their own. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  /// Monotonic nanoseconds: for durations, heartbeats and progress.
  virtual std::uint64_t monotonic_ns() const = 0;
};

/// The machine's clocks. The reference lives for the whole program.
const Clock& system_clock();

/// Minutes east of UTC of the machine's local time zone at `time`.
int local_utc_offset_minutes(Timestamp time);
/// RFC 3339 with nine decimals: "2026-11-22T01:26:01.000000000+01:00".
std::string format_rfc3339(Timestamp time, int utc_offset_minutes);
/// "2026-11-22 01:26:01" in the given offset, for people.
std::string format_for_people(Timestamp time, int utc_offset_minutes);

}  // namespace coppice
