#include "retention_words.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "values.h"

namespace coppice {
namespace {

struct PeriodWords {
  std::string_view option;
  std::string_view period;
};
constexpr std::array<PeriodWords, kPeriods> kPeriodWords = {{{"hourly", "hour"},
                                                             {"daily", "day"},
                                                             {"weekly", "week"},
                                                             {"monthly", "month"},
                                                             {"yearly", "year"}}};

std::string option_name(std::string_view prefix, std::size_t period) {
  return std::string(prefix) + std::string(kPeriodWords.at(period).option);
}

std::uint64_t parse_count(const std::string& option, const std::optional<std::string>& text) {
  if (!text) return 0;
  if (*text == "unlimited") return kKeepAll;
  return parse_number(option, *text, 0, kKeepAll - 1);
}

std::optional<CalendarSpan> parse_within(const std::string& option,
                                         const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return parse_calendar_span(option, *text);
}

}  // namespace

void RetentionWords::declare(Syntax& syntax) {
  syntax.value("--keep-last", "N", last, "keep the newest N; N is a number or \"unlimited\"");
  for (std::size_t i = 0; i < kPeriods; ++i) {
    const std::string period(kPeriodWords.at(i).period);
    syntax.value(option_name("--keep-", i), "N", newest_of.at(i),
                 "keep the newest of each of N " + period + "s that have any");
  }
  syntax.value("--keep-within", "DURATION", within,
               "keep all that are not older than the newest by more");
  for (std::size_t i = 0; i < kPeriods; ++i) {
    const std::string period(kPeriodWords.at(i).period);
    syntax.value(option_name("--keep-within-", i), "DURATION", newest_within.at(i),
                 "of these, keep the newest of each " + period);
  }
  syntax.values("--keep-tag", "TAG[,TAG]", tags,
                "keep those with all of these tags; repeated: or with those");
  syntax.value("--group-by", "WHAT", group_by,
               "judge apart what differs in host, paths, tags (default host,paths); host always");
}

RetentionPolicy RetentionWords::policy() const {
  RetentionPolicy policy;
  policy.last = parse_count("--keep-last", last);
  policy.within = parse_within("--keep-within", within);
  for (std::size_t i = 0; i < kPeriods; ++i) {
    policy.newest_of.at(i) = parse_count(option_name("--keep-", i), newest_of.at(i));
    policy.newest_within.at(i) =
        parse_within(option_name("--keep-within-", i), newest_within.at(i));
  }
  for (const std::string& list : tags) policy.tags.push_back(parse_tags("--keep-tag", list));
  return policy;
}

bool RetentionWords::names_policy() const {
  const auto is_given = [](const auto& words) {
    return std::any_of(words.begin(), words.end(),
                       [](const auto& word) { return word.has_value(); });
  };
  return last || within || is_given(newest_of) || is_given(newest_within) || !tags.empty();
}

Grouping RetentionWords::grouping() const {
  if (!group_by) return {};
  Grouping grouping{false, false};
  for (const std::string& word : split_commas(*group_by)) {
    if (word == "paths" || word == "path") {
      grouping.by_paths = true;
    } else if (word == "tags" || word == "tag") {
      grouping.by_tags = true;
    } else if (word != "host" && word != "hosts") {
      throw Error(ErrorKind::usage,
                  "--group-by: \"" + escape_for_display(word) + "\" is none of host, paths, tags");
    }
  }
  return grouping;
}

}  // namespace coppice
