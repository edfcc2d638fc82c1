#include "values.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace coppice {
namespace {

[[noreturn]] void fail_value(const std::string& option, std::string_view text,
                             const std::string& wanted) {
  throw Error(ErrorKind::usage, option + ": \"" + escape_for_display(text) + "\" is not " + wanted);
}

/// Takes the digits at the front of `rest`; nothing if there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return number;
}

std::optional<int> take_digits(std::string_view& rest, std::size_t count) {
  if (rest.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : rest.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  rest.remove_prefix(count);
  return number;
}

bool take(std::string_view& rest, std::string_view word) {
  if (!rest.starts_with(word)) return false;
  rest.remove_prefix(word.size());
  return true;
}

bool take_pair(std::string_view& rest, char separator, int& out) {
  if (!take(rest, std::string_view(&separator, 1))) return false;
  const auto number = take_digits(rest, 2);
  if (number) out = *number;
  return number.has_value();
}

std::uint32_t take_fraction(std::string_view& rest, bool& is_valid) {
  if (!take(rest, ".")) return 0;
  std::uint32_t nanoseconds = 0;
  std::size_t digits = 0;
  while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9' && digits < 9) {
    nanoseconds = nanoseconds * 10 + static_cast<std::uint32_t>(rest.front() - '0');
    rest.remove_prefix(1);
    ++digits;
  }
  if (digits == 0) is_valid = false;
  for (; digits < 9; ++digits) nanoseconds *= 10;
  return nanoseconds;
}

/// Minutes east of UTC that the text ends with; nothing if it says none.
std::optional<int> take_offset(std::string_view& rest, bool& is_valid) {
  if (take(rest, "Z")) return 0;
  if (rest.empty()) return std::nullopt;
  const bool is_west = rest.front() == '-';
  int hours = 0;
  int minutes = 0;
  is_valid = is_valid && take_pair(rest, is_west ? '-' : '+', hours) &&
             take_pair(rest, ':', minutes) && hours < 24 && minutes < 60;
  return (is_west ? -1 : 1) * (hours * 60 + minutes);
}

/// Seconds since 1970; nothing if there is no such date (31 June) or hour.
std::optional<std::int64_t> seconds_of(const tm& wanted, std::optional<int> offset_minutes) {
  tm normal = wanted;
  normal.tm_isdst = -1;  // the time zone knows
  const time_t seconds = offset_minutes ? timegm(&normal) : mktime(&normal);
  const bool is_real = normal.tm_mday == wanted.tm_mday && normal.tm_mon == wanted.tm_mon &&
                       wanted.tm_hour < 24 && wanted.tm_min < 60 && wanted.tm_sec < 61;
  if (!is_real) return std::nullopt;
  return seconds - std::int64_t{60} * offset_minutes.value_or(0);
}

}  // namespace

std::uint64_t parse_number(const std::string& option, std::string_view text, std::uint64_t low,
                           std::uint64_t high) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (!number || !rest.empty() || *number < low || *number > high) {
    fail_value(option, text,
               "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *number;
}

std::uint64_t parse_size(const std::string& option, std::string_view text) {
  static constexpr std::string_view kUnits = "kmgtpe";
  std::string_view rest = text;
  const auto number = take_number(rest);
  unsigned shift = 0;
  if (number && !rest.empty()) {
    const char letter = static_cast<char>(rest.front() | 0x20);
    if (const std::size_t unit = kUnits.find(letter); unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      rest.remove_prefix(1);
      if (rest == "iB" || rest == "ib") rest = "";
    }
    if (rest == "B" || rest == "b") rest = "";
  }
  if (!number || !rest.empty() || *number > std::numeric_limits<std::uint64_t>::max() >> shift) {
    fail_value(option, text, "a size (like 4096, 64K, 10M or 2G)");
  }
  return *number << shift;
}

double parse_percent(const std::string& option, std::string_view text) {
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc() || end != text.data() + text.size() || !(percent > 0) || percent > 100) {
    fail_value(option, text, "a percentage above 0 and up to 100");
  }
  return percent;
}

CalendarSpan parse_calendar_span(const std::string& option, std::string_view text) {
  struct Unit {
    std::string_view word;
    std::uint64_t seconds;
    std::uint64_t months;
  };
  static constexpr std::array kUnits = {Unit{"min", 60, 0},  Unit{"y", 0, 12},   Unit{"m", 0, 1},
                                        Unit{"d", 86400, 0}, Unit{"h", 3600, 0}, Unit{"s", 1, 0}};
  constexpr std::uint64_t kMaxMonths = 1000ULL * 12;
  constexpr std::uint64_t kMaxSeconds = 1000ULL * 365 * 86400;
  std::string_view rest = text;
  CalendarSpan total;
  bool is_valid = !rest.empty();
  while (is_valid && !rest.empty()) {
    const auto number = take_number(rest);
    is_valid = false;
    for (const Unit& unit : kUnits) {
      if (!number || *number > kMaxSeconds || !take(rest, unit.word)) continue;
      const std::uint64_t most =
          unit.months != 0 ? kMaxMonths / unit.months : kMaxSeconds / unit.seconds;
      if (*number > most) break;
      total.seconds += *number * unit.seconds;
      total.months += *number * unit.months;
      is_valid = total.seconds <= kMaxSeconds && total.months <= kMaxMonths;
      break;
    }
  }
  if (!is_valid) fail_value(option, text, "a duration (like 90s, 36h, 7d or 1y6m)");
  return total;
}

std::uint64_t parse_duration(const std::string& option, std::string_view text) {
  const CalendarSpan span = parse_calendar_span(option, text);
  return span.seconds + (span.months / 12 * 365 + span.months % 12 * 30) * 86400;
}

Timestamp parse_time(const std::string& option, const std::string& text) {
  std::string_view rest = text;
  tm wanted{};
  bool is_valid = true;
  std::uint32_t nanoseconds = 0;
  std::optional<int> offset;
  const auto year = take_digits(rest, 4);
  is_valid = year && take_pair(rest, '-', wanted.tm_mon) && take_pair(rest, '-', wanted.tm_mday);
  if (is_valid && !rest.empty()) {
    is_valid = take_pair(rest, rest.front() == 'T' ? 'T' : ' ', wanted.tm_hour) &&
               take_pair(rest, ':', wanted.tm_min);
    if (is_valid && rest.starts_with(':')) {
      is_valid = take_pair(rest, ':', wanted.tm_sec);
      nanoseconds = take_fraction(rest, is_valid);
    }
    if (is_valid) offset = take_offset(rest, is_valid);
  }
  wanted.tm_year = year.value_or(0) - 1900;
  --wanted.tm_mon;
  const auto seconds = is_valid && rest.empty() ? seconds_of(wanted, offset) : std::nullopt;
  if (!seconds) {
    fail_value(option, text, "a time (like 2026-11-22, \"2026-11-22 01:26:01\" or RFC 3339)");
  }
  return {*seconds, nanoseconds};
}

std::vector<std::string> parse_tags(const std::string& option, std::string_view text) {
  std::vector<std::string> tags = split_commas(text);
  if (tags.size() > 1 && std::find(tags.begin(), tags.end(), "") != tags.end())
    fail_value(option, text, "a list of tags: a part of it is empty");
  return tags;
}

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t comma = text.find(','); comma != std::string_view::npos;
       comma = text.find(',', start)) {
    parts.emplace_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  parts.emplace_back(text.substr(start));
  return parts;
}

std::string absolute_path(const std::string& path) {
  if (path.empty()) throw Error(ErrorKind::usage, "an empty path names nothing");
  std::string normal = std::filesystem::absolute(path).lexically_normal().string();
  while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  while (normal.starts_with("//")) normal.erase(0, 1);
  return normal;
}

}  // namespace coppice
