// Both levels, names in a path and characters in a name, are matched by the same loop: at a
// mismatch only the last star gives way, by one. That suffices, because whatever an earlier star
// took, the later one can make up for; so every element of the pattern meets every element of the
// path at most once, where restic tries each expansion of "**" in turn (exponential in their
// number).
#include "backup/pattern.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace coppice {
namespace {

constexpr std::string_view kAnyDirectories = "**";

/// Bytes of the character at `pos`: 1 for a byte that starts no UTF-8 sequence.
std::size_t character_size(std::string_view bytes, std::size_t pos) {
  const auto lead = static_cast<unsigned char>(bytes[pos]);
  if (lead < 0xC0) return 1;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return bytes.size() - pos >= size && is_utf8(bytes.substr(pos, size)) ? size : 1;
}

/// A byte that is not UTF-8 gets a number above all of Unicode, so that it equals only itself.
constexpr char32_t kBeyondUnicode = 0x11'00'00;

char32_t take_character(std::string_view bytes, std::size_t& pos) {
  const std::size_t size = character_size(bytes, pos);
  const auto lead = static_cast<unsigned char>(bytes[pos++]);
  if (lead < 0x80) return lead;
  if (size == 1) return kBeyondUnicode + lead;
  char32_t character = lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    character = character << 6U | (static_cast<unsigned char>(bytes[pos++]) & 0x3FU);
  }
  return character;
}

void append_character(std::string& bytes, char32_t character) {
  const auto append = [&](char32_t byte) { bytes += static_cast<char>(byte & 0xFFU); };
  if (character < 0x80 || character >= kBeyondUnicode) return append(character);
  const unsigned more = character < 0x800 ? 1 : character < 0x1'00'00 ? 2 : 3;
  append((0xF0U << (3 - more)) | (character >> 6 * more));  // append cuts off what is too high
  for (unsigned left = more; left-- > 0;) append(0x80U | ((character >> 6 * left) & 0x3FU));
}

/// Letters of all scripts as far as the C library knows them in UTF-8, else of ASCII; independent
/// of the locale that the program runs in.
char32_t to_lower(char32_t character) {
  static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const bool is_ascii_capital = character >= U'A' && character <= U'Z';
  if (is_ascii_capital) return character + (U'a' - U'A');
  if (character < 0x80 || character >= kBeyondUnicode || utf8 == nullptr) return character;
  return static_cast<char32_t>(::towlower_l(static_cast<wint_t>(character), utf8));
}

std::string to_lower(std::string_view bytes) {
  std::string lower;
  lower.reserve(bytes.size());
  for (std::size_t pos = 0; pos < bytes.size();) {
    append_character(lower, to_lower(take_character(bytes, pos)));
  }
  return lower;
}

/// One end of a range within a bracket expression; nothing if it is missing.
std::optional<char32_t> take_bound(std::string_view glob, std::size_t& pos) {
  if (pos == glob.size() || glob[pos] == '-' || glob[pos] == ']') return std::nullopt;
  if (glob[pos] == '\\' && ++pos == glob.size()) return std::nullopt;
  return take_character(glob, pos);
}

/// Steps over the bracket expression at `pos` and tells whether `character` belongs to it; nothing
/// if it is broken.
std::optional<bool> match_set(std::string_view glob, std::size_t& pos, char32_t character) {
  ++pos;
  const bool is_complement = pos < glob.size() && glob[pos] == '^';
  if (is_complement) ++pos;
  bool is_listed = false;
  do {
    const std::optional<char32_t> low = take_bound(glob, pos);
    if (!low) return std::nullopt;
    std::optional<char32_t> high = low;
    if (pos < glob.size() && glob[pos] == '-') high = take_bound(glob, ++pos);
    if (!high) return std::nullopt;
    if (*low <= character && character <= *high) is_listed = true;
  } while (pos < glob.size() && glob[pos] != ']');
  if (pos == glob.size()) return std::nullopt;
  ++pos;
  return is_listed != is_complement;
}

bool is_well_formed(std::string_view glob) {
  for (std::size_t pos = 0; pos < glob.size();) {
    if (glob[pos] == '[') {
      if (!match_set(glob, pos, 0)) return false;
    } else if (glob[pos++] == '\\' && pos++ == glob.size()) {
      return false;
    }
  }
  return true;
}

/// Matches the one element at `glob_pos`, which is no star, with what is at `name_pos`, and steps
/// over both; where it does not match, both are left anywhere.
bool match_one(std::string_view glob, std::size_t& glob_pos, std::string_view name,
               std::size_t& name_pos) {
  if (glob[glob_pos] == '?') {
    ++glob_pos;
    name_pos += character_size(name, name_pos);
    return true;
  }
  if (glob[glob_pos] == '[') {
    return match_set(glob, glob_pos, take_character(name, name_pos)) == true;
  }
  if (glob[glob_pos] == '\\') ++glob_pos;
  return glob[glob_pos++] == name[name_pos++];
}

bool matches_name(std::string_view glob, std::string_view name) {
  std::size_t glob_pos = 0;
  std::size_t name_pos = 0;
  std::optional<std::size_t> after_star;  // in glob
  std::size_t star_end = 0;               // in name: what the star takes now ends here
  while (glob_pos < glob.size() || name_pos < name.size()) {
    if (glob_pos < glob.size() && glob[glob_pos] == '*') {
      after_star = ++glob_pos;
      star_end = name_pos;
      continue;
    }
    if (glob_pos < glob.size() && name_pos < name.size() &&
        match_one(glob, glob_pos, name, name_pos)) {
      continue;
    }
    if (!after_star || star_end == name.size()) return false;
    star_end += character_size(name, star_end);
    name_pos = star_end;
    glob_pos = *after_star;
  }
  return true;
}

/// The name at `pos` of a path, without slashes; empty at the end. Steps over it.
std::string_view take_name(std::string_view path, std::size_t& pos) {
  const std::size_t begin = std::min(path.find_first_not_of('/', pos), path.size());
  pos = std::min(path.find('/', begin), path.size());
  return path.substr(begin, pos - begin);
}

/// The names of a path with "." and ".." resolved in the text, as Go's filepath.Clean does. What
/// cannot be resolved stays, and matches nothing.
std::vector<std::string> clean_names(std::string_view path, bool is_absolute) {
  std::vector<std::string> names;
  std::size_t pos = 0;
  for (std::string_view name = take_name(path, pos); !name.empty(); name = take_name(path, pos)) {
    if (name == ".") continue;
    if (name == ".." && !names.empty() && names.back() != "..") {
      names.pop_back();
    } else if (name != ".." || !is_absolute) {
      names.emplace_back(name);
    }
  }
  if (names.empty() && !is_absolute) names.emplace_back(".");
  return names;
}

}  // namespace

Pattern::Pattern(std::string_view text, bool ignore_case)
    : is_negated_(text.starts_with('!')), ignore_case_(ignore_case) {
  const std::string_view path = text.substr(is_negated_ ? 1 : 0);
  if (path.empty()) throw Error(ErrorKind::usage, "pattern \"" + std::string(text) + "\" is empty");
  is_absolute_ = path.starts_with('/');
  parts_ = clean_names(path, is_absolute_);
  for (std::string& part : parts_) {
    if (!is_well_formed(part)) {
      throw Error(ErrorKind::usage, "pattern \"" + escape_for_display(text) +
                                        "\": broken bracket expression or a backslash at the end "
                                        "of a name (write \\[ and \\\\ for the characters)");
    }
    if (ignore_case_) part = to_lower(std::string_view(part));
  }
}

bool Pattern::matches(std::string_view path) const {
  return ignore_case_ ? matches_exactly(to_lower(path)) : matches_exactly(path);
}

bool Pattern::matches_exactly(std::string_view path) const {
  if (is_absolute_ && !path.starts_with('/')) return false;
  std::size_t part = 0;
  std::size_t path_pos = 0;
  // A pattern without a leading '/' is one with "**" in front.
  std::optional<std::size_t> after_star;
  if (!is_absolute_) after_star = 0;
  std::size_t star_end = 0;
  while (part < parts_.size()) {
    if (parts_[part] == kAnyDirectories) {
      after_star = ++part;
      star_end = path_pos;
      continue;
    }
    const std::string_view name = take_name(path, path_pos);
    if (name.empty()) return false;  // a longer run of directories leaves still fewer names
    if (matches_name(parts_[part], name)) {
      ++part;
      continue;
    }
    if (!after_star) return false;
    take_name(path, star_end);
    path_pos = star_end;
    part = *after_star;
  }
  return true;  // and all below it
}

}  // namespace coppice
