#include "base/clock.h"

#include <fmt/format.h>
#include <time.h>

namespace coppice {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() const override {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return {t.tv_sec, static_cast<std::uint32_t>(t.tv_nsec)};
  }
  std::uint64_t monotonic_ns() const override {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(t.tv_nsec);
  }
};

struct CivilTime {
  std::int64_t year;
  unsigned month, day, hour, minute, second;
};

/// Days to year, month, day: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// civil_from_days.
CivilTime civil_from_seconds(std::int64_t seconds) {
  std::int64_t days = seconds / 86400;
  std::int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const auto second_of_day = static_cast<unsigned>(rest);
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0),
          month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1,
          second_of_day / 3600,
          second_of_day / 60 % 60,
          second_of_day % 60};
}

/// File times may be anything: at the ends of the range the offset is left out.
CivilTime local_time(Timestamp time, int utc_offset_minutes) {
  std::int64_t seconds = 0;
  if (__builtin_add_overflow(time.seconds, std::int64_t{utc_offset_minutes} * 60, &seconds))
    seconds = time.seconds;
  return civil_from_seconds(seconds);
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

int local_utc_offset_minutes(Timestamp time) {
  const time_t seconds = time.seconds;
  tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return 0;
  return static_cast<int>(local.tm_gmtoff / 60);
}

std::string format_rfc3339(Timestamp time, int utc_offset_minutes) {
  const CivilTime t = local_time(time, utc_offset_minutes);
  const int offset = utc_offset_minutes < 0 ? -utc_offset_minutes : utc_offset_minutes;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}{}{:02}:{:02}", t.year, t.month,
                     t.day, t.hour, t.minute, t.second, time.nanoseconds,
                     utc_offset_minutes < 0 ? '-' : '+', offset / 60, offset % 60);
}

std::string format_for_people(Timestamp time, int utc_offset_minutes) {
  const CivilTime t = local_time(time, utc_offset_minutes);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour,
                     t.minute, t.second);
}

}  // namespace coppice
