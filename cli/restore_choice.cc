#include "restore_choice.h"

#include <algorithm>

#include "backup/pattern.h"

namespace coppice {
namespace {

/// An include and how far it can be followed literally, so that `-i /etc/fstab` does not walk
/// /home.
struct Include {
  Pattern pattern;
  std::string literal_directory;  ///< all that it matches lies at or below; "" for anywhere
};

Include make_include(const std::string& text) {
  Include include{Pattern(text, false), ""};
  const bool is_plain = text.starts_with('/') && text.find("..") == std::string::npos &&
                        text.find("/.") == std::string::npos &&
                        text.find("//") == std::string::npos;
  if (!is_plain) return include;
  const std::size_t wild = std::min(text.find_first_of("*?[\\"), text.size());
  include.literal_directory = text.substr(0, wild == text.size() ? wild : text.rfind('/', wild));
  while (include.literal_directory.ends_with('/')) include.literal_directory.pop_back();
  return include;
}

/// True if `path` is `directory` or lies below it.
bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || directory == "/" || path[directory.size()] == '/');
}

bool may_match_beneath(const Include& include, std::string_view directory) {
  return include.literal_directory.empty() || directory == "/" ||
         is_within(include.literal_directory, directory) ||
         is_within(directory, include.literal_directory);
}

/// The last pattern that matches decides, as in `backup`.
template <typename Range, typename GetPattern>
bool is_matched(const Range& range, std::string_view path, GetPattern get_pattern) {
  bool matched = false;
  for (const auto& each : range) {
    const Pattern& pattern = get_pattern(each);
    if (pattern.is_negated() == matched && pattern.matches(path)) matched = !matched;
  }
  return matched;
}

}  // namespace

std::function<RestoreChoice(std::string_view path, bool is_directory)> make_restore_choice(
    const std::vector<std::string>& includes, const std::vector<std::string>& excludes) {
  if (includes.empty() && excludes.empty()) return {};
  std::vector<Include> wanted;
  wanted.reserve(includes.size());
  for (const std::string& text : includes) wanted.push_back(make_include(text));
  std::vector<Pattern> unwanted;
  unwanted.reserve(excludes.size());
  for (const std::string& text : excludes) unwanted.emplace_back(text, false);
  return [wanted, unwanted](std::string_view path, bool is_directory) {
    const auto itself = [](const Pattern& pattern) -> const Pattern& { return pattern; };
    const auto of_include = [](const Include& include) -> const Pattern& {
      return include.pattern;
    };
    if (is_matched(unwanted, path, itself)) return RestoreChoice::none;
    if (wanted.empty() || is_matched(wanted, path, of_include)) return RestoreChoice::take;
    const bool may_hold =
        is_directory && std::any_of(wanted.begin(), wanted.end(), [&](const Include& include) {
          return may_match_beneath(include, path);
        });
    return may_hold ? RestoreChoice::beneath : RestoreChoice::none;
  };
}

}  // namespace coppice
