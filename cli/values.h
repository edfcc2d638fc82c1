#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "retention/calendar.h"

/// Values of options, read strictly: all throw Error{usage}, naming `option`, for anything else.
namespace coppice {

/// A whole decimal number within [low, high].
std::uint64_t parse_number(const std::string& option, std::string_view text, std::uint64_t low,
                           std::uint64_t high);
/// Bytes: "4096", "64K", "10M", "2GiB", "1T"; units are powers of 1024, in either case, with or
/// without "B" or "iB" behind.
std::uint64_t parse_size(const std::string& option, std::string_view text);
/// Above 0 and at most 100, with or without a fraction: "2.5".
double parse_percent(const std::string& option, std::string_view text);
/// Seconds: "36h", "7d", "1y6m", "90s", "5min"; a year is 365 days, a month 30.
std::uint64_t parse_duration(const std::string& option, std::string_view text);
/// The same, with months and years by the calendar.
CalendarSpan parse_calendar_span(const std::string& option, std::string_view text);
/// "2026-11-22", "2026-11-22 01:26[:01[.5]]", local time, or with "T" and "Z" or "+01:00" as in
/// RFC 3339.
Timestamp parse_time(const std::string& option, const std::string& text);
/// Tags between commas. An empty text is one empty tag, which stands for "no tag"; an empty part of
/// a list is an error.
std::vector<std::string> parse_tags(const std::string& option, std::string_view text);
/// Parts between commas; one empty part for an empty text.
std::vector<std::string> split_commas(std::string_view text);
/// `path` made absolute by the working directory, without ".", "..", "//" and a slash at the end;
/// symlinks are not looked at. Throws Error{usage} for an empty path.
std::string absolute_path(const std::string& path);

}  // namespace coppice
