#include "retention/calendar.h"

#include <chrono>

namespace coppice {
namespace {

constexpr std::int64_t kSecondsPerHour = 3600;
constexpr std::int64_t kSecondsPerDay = 86400;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// Months since March of year 0: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
/// There the year begins in March, so that the day that may be missing comes last.
std::int64_t month_of_day(std::int64_t days_since_1970) {
  const std::int64_t day = days_since_1970 + 719468;  // since 0000-03-01
  const std::int64_t era = floor_divide(day, 146097);
  const std::int64_t day_of_era = day - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;  // 0 is March
  return (era * 400 + year_of_era) * 12 + month;
}

}  // namespace

std::int64_t period_number(Period period, Timestamp time, int utc_offset_minutes) {
  const std::int64_t local = time.seconds + std::int64_t{60} * utc_offset_minutes;
  const std::int64_t day = floor_divide(local, kSecondsPerDay);
  switch (period) {
    case Period::hour:
      return floor_divide(local, kSecondsPerHour);
    case Period::day:
      return day;
    case Period::week:
      return floor_divide(day + 3, 7);  // 1970-01-01 was a Thursday
    case Period::month:
      return month_of_day(day);
    case Period::year:
      return floor_divide(month_of_day(day) + 2, 12);  // from March back to January
  }
  return 0;
}

Timestamp counted_back(Timestamp time, int utc_offset_minutes, const CalendarSpan& span) {
  using namespace std::chrono;
  const seconds offset = minutes(utc_offset_minutes);
  const sys_seconds local{seconds(time.seconds) + offset};
  const sys_days day = floor<days>(local);
  const year_month_day date(day);
  const year_month month =
      year_month(date.year(), date.month()) - months(static_cast<months::rep>(span.months));
  const sys_days back =
      sys_days(month / std::chrono::day(1)) + days(static_cast<unsigned>(date.day()) - 1U);
  const sys_seconds there = back + (local - day) - offset;
  time.seconds = there.time_since_epoch().count() - static_cast<std::int64_t>(span.seconds);
  return time;
}

}  // namespace coppice
