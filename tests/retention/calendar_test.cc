#include "retention/calendar.h"

#include <doctest/doctest.h>
#include <time.h>

#include "retention/kit.h"

namespace coppice::test {
namespace {

std::int64_t utc(int year, int month, int day, int hour = 0) {
  tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  return timegm(&parts);
}

bool is_same(Period period, std::int64_t a, std::int64_t b, int offset_a = 0, int offset_b = 0) {
  return period_number(period, {a, 0}, offset_a) == period_number(period, {b, 0}, offset_b);
}

TEST_CASE("weeks begin on Monday, months and years on their first day") {
  CHECK(is_same(Period::week, utc(2026, 11, 16), utc(2026, 11, 22, 23)));
  CHECK_FALSE(is_same(Period::week, utc(2026, 11, 22, 23), utc(2026, 11, 23)));
  CHECK(is_same(Period::week, utc(2026, 12, 31), utc(2027, 1, 3)));  // ISO: one week
  CHECK(is_same(Period::month, utc(2026, 2, 1), utc(2026, 2, 28, 23)));
  CHECK_FALSE(is_same(Period::month, utc(2026, 2, 28, 23), utc(2026, 3, 1)));
  CHECK_FALSE(is_same(Period::month, utc(2025, 5, 5), utc(2026, 5, 5)));
  CHECK(is_same(Period::year, utc(2026, 1, 1), utc(2026, 12, 31, 23)));
  CHECK_FALSE(is_same(Period::year, utc(2026, 12, 31, 23), utc(2027, 1, 1)));
}

TEST_CASE("every day of 400 years and some before 1970 agrees with the C library") {
  for (std::int64_t day = -40'000; day < 110'000; ++day) {
    const time_t seconds = day * kDay;
    tm parts{};
    gmtime_r(&seconds, &parts);
    const bool is_first_of_year = parts.tm_yday == 0;
    const bool is_first_of_month = parts.tm_mday == 1;
    const bool is_monday = parts.tm_wday == 1;
    const std::int64_t before = seconds - 1;
    REQUIRE(is_same(Period::year, before, seconds) == !is_first_of_year);
    REQUIRE(is_same(Period::month, before, seconds) == !is_first_of_month);
    REQUIRE(is_same(Period::week, before, seconds) == !is_monday);
    REQUIRE_FALSE(is_same(Period::day, before, seconds));
    REQUIRE(is_same(Period::day, seconds, seconds + kDay - 1));
  }
}

TEST_CASE("periods are those of the place where the snapshot was made") {
  const std::int64_t late = utc(2026, 11, 22, 23);
  CHECK(is_same(Period::day, late, utc(2026, 11, 22)));
  CHECK_FALSE(is_same(Period::day, late, utc(2026, 11, 22), 60, 60));  // 00:00 in Berlin
  CHECK(is_same(Period::day, late, utc(2026, 11, 23, 7), 60, -360));
}

TEST_CASE("months and years are counted back by the calendar of the place") {
  const auto back = [](std::int64_t from, const CalendarSpan& span, int offset = 0) {
    return counted_back({from, 7}, offset, span).seconds;
  };
  CHECK(back(utc(2026, 8, 31, 9), {0, 1}) == utc(2026, 7, 31, 9));
  CHECK(back(utc(2026, 3, 31, 9), {0, 1}) == utc(2026, 3, 3, 9));  // as restic: no February 31
  CHECK(back(utc(2025, 2, 28), {0, 12}) == utc(2024, 2, 28));
  CHECK(back(utc(2024, 2, 29), {0, 12}) == utc(2023, 3, 1));
  CHECK(back(utc(2026, 1, 15), {0, 13}) == utc(2024, 12, 15));
  CHECK(back(utc(2026, 1, 15), {86400 + 5, 0}) == utc(2026, 1, 14) - 5);
  CHECK(back(utc(1969, 1, 31), {0, 12 * 1000}) == utc(969, 1, 31));
  // 01:00 on August 1st in Berlin: a month before is July 1st there, June 30th in UTC.
  CHECK(back(utc(2026, 7, 31, 23), {0, 1}, 120) == utc(2026, 6, 30, 23));
  CHECK(counted_back({5, 7}, 0, {}) == Timestamp{5, 7});
}

}  // namespace
}  // namespace coppice::test
