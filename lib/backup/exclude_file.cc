#include "backup/exclude_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace coppice {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

/// The variable name at the start of `text`; empty if there is none.
std::string_view leading_name(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size()) {
    const char c = text[size];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && (size == 0 || c < '0' || c > '9')) break;
    ++size;
  }
  return text.substr(0, size);
}

/// Appends what the dollar sign at `pos` of `line` stands for and steps over it.
void expand_one(std::string_view line, std::size_t& pos, const VariableLookup& value_of,
                std::string& out) {
  const std::string_view rest = line.substr(++pos);
  const bool is_braced = rest.starts_with('{');
  const std::string_view name = leading_name(rest.substr(is_braced ? 1 : 0));
  if (is_braced) {
    if (name.empty() || !rest.substr(1 + name.size()).starts_with('}')) {
      throw Error(ErrorKind::usage, "exclude file: \"" + escape_for_display(line) +
                                        "\": no variable after \"${\" (write $$ for a dollar)");
    }
    pos += name.size() + 2;
  } else {
    pos += name.size();
  }
  if (name.empty()) {
    out += '$';
    if (rest.starts_with('$')) ++pos;
  } else {
    out += value_of(std::string(name));
  }
}

std::string expand(std::string_view line, const VariableLookup& value_of) {
  std::string out;
  for (std::size_t pos = 0; pos < line.size();) {
    if (line[pos] == '$') {
      expand_one(line, pos, value_of, out);
    } else {
      out += line[pos++];
    }
  }
  return out;
}

}  // namespace

std::vector<std::string_view> significant_lines(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> parse_exclude_lines(std::string_view text,
                                             const VariableLookup& value_of) {
  std::vector<std::string> patterns;
  for (const std::string_view line : significant_lines(text)) {
    std::string pattern = expand(line, value_of);
    if (!pattern.empty()) patterns.push_back(std::move(pattern));
  }
  return patterns;
}

}  // namespace coppice
