#pragma once
#include <cstdint>

#include "base/clock.h"

namespace coppice {

/// The periods of which a retention rule keeps one snapshot each.
enum class Period : std::uint8_t { hour, day, week, month, year };
inline constexpr int kPeriods = 5;

/// Numbers the period that `time` lies in, by the local time of whoever was `utc_offset_minutes`
/// east of UTC: equal for two times exactly if they lie in one period, and ascending. Weeks begin
/// on Monday (ISO 8601).
std::int64_t period_number(Period period, Timestamp time, int utc_offset_minutes);

/// A time to count back: months by the calendar, and the rest in seconds.
struct CalendarSpan {
  std::uint64_t seconds = 0;
  std::uint64_t months = 0;
};

/// `time` less `span`, by the local time of whoever was `utc_offset_minutes` east of UTC. A day
/// that the month does not have is one of the next month, as restic (and Go's AddDate) counts: a
/// month before March 31 is March 3, or 2.
Timestamp counted_back(Timestamp time, int utc_offset_minutes, const CalendarSpan& span);

}  // namespace coppice
