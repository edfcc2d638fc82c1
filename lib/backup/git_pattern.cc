// The meaning of each construct, also of the odd ones, is that of git's dir.c and wildmatch.c, and
// tests/cli/git_ignore_cases.py compares with git. The way is another: where git recurses at every
// star, here only the last star gives way, and when it may not (it takes no '/'), the last "**".
// That suffices for the reason given in pattern.cc, on both levels.
#include "backup/git_pattern.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace coppice {
namespace {

constexpr std::string_view kSpecialBytes = "*?[\\";

bool is_within(unsigned char byte, char low, char high) {
  return byte >= static_cast<unsigned char>(low) && byte <= static_cast<unsigned char>(high);
}
bool is_lower(unsigned char byte) { return is_within(byte, 'a', 'z'); }
bool is_upper(unsigned char byte) { return is_within(byte, 'A', 'Z'); }
bool is_digit(unsigned char byte) { return is_within(byte, '0', '9'); }
bool is_alpha(unsigned char byte) { return is_lower(byte) || is_upper(byte); }
bool is_alnum(unsigned char byte) { return is_alpha(byte) || is_digit(byte); }
bool is_blank(unsigned char byte) { return byte == ' ' || byte == '\t'; }
bool is_space(unsigned char byte) { return is_blank(byte) || byte == '\n' || byte == '\r'; }
bool is_print(unsigned char byte) { return is_within(byte, ' ', '~'); }
bool is_graph(unsigned char byte) { return is_print(byte) && byte != ' '; }
bool is_punct(unsigned char byte) { return is_graph(byte) && !is_alnum(byte); }
bool is_cntrl(unsigned char byte) { return byte < ' ' || byte == 0x7F; }
bool is_xdigit(unsigned char byte) {
  return is_digit(byte) || is_within(byte, 'a', 'f') || is_within(byte, 'A', 'F');
}

struct CharacterClass {
  std::string_view name;
  bool (*holds)(unsigned char byte);
};
constexpr std::array kClasses = {
    CharacterClass{"alnum", is_alnum}, CharacterClass{"alpha", is_alpha},
    CharacterClass{"blank", is_blank}, CharacterClass{"cntrl", is_cntrl},
    CharacterClass{"digit", is_digit}, CharacterClass{"graph", is_graph},
    CharacterClass{"lower", is_lower}, CharacterClass{"print", is_print},
    CharacterClass{"punct", is_punct}, CharacterClass{"space", is_space},
    CharacterClass{"upper", is_upper}, CharacterClass{"xdigit", is_xdigit},
};

/// A bracket expression that is read from its '[' on, asked about one byte.
class SetReader {
 public:
  SetReader(std::string_view glob, std::size_t pos, unsigned char byte)
      : glob_(glob), pos_(pos), byte_(byte) {}

  /// True if the byte belongs to the set; false also if the set is broken.
  bool run();
  /// Behind the set, if it was not broken.
  std::size_t end() const { return pos_; }

 private:
  bool take_member();
  bool take_literal();
  bool take_range();
  bool take_class(std::size_t close);
  bool has_more() const { return pos_ < glob_.size(); }
  unsigned char here() const { return static_cast<unsigned char>(glob_[pos_]); }

  std::string_view glob_;
  std::size_t pos_;
  unsigned char byte_;
  unsigned char range_start_ = 0;  // 0: a '-' here is one
  bool is_listed_ = false;
};

bool SetReader::run() {
  ++pos_;
  const bool is_complement = has_more() && (here() == '!' || here() == '^');
  if (is_complement) ++pos_;
  do {  // a ']' that comes first is a member
    if (!has_more() || !take_member()) return false;
  } while (!has_more() || here() != ']');
  ++pos_;
  return byte_ != '/' && is_listed_ != is_complement;
}

bool SetReader::take_member() {
  const std::string_view rest = glob_.substr(pos_);
  if (rest.starts_with('-') && range_start_ != 0 && rest.size() > 1 && rest[1] != ']') {
    return take_range();
  }
  if (rest.starts_with("[:")) {
    const std::size_t close = glob_.find(']', pos_ + 2);
    if (close == std::string_view::npos) return false;
    if (close > pos_ + 2 && glob_[close - 1] == ':') return take_class(close);
  }
  return take_literal();
}

bool SetReader::take_literal() {
  const bool is_escape = here() == '\\';
  if (is_escape) ++pos_;
  if (!has_more()) return false;
  range_start_ = here();
  is_listed_ = is_listed_ || byte_ == here();
  ++pos_;
  return true;
}

bool SetReader::take_range() {
  ++pos_;
  if (here() == '\\') ++pos_;
  if (!has_more()) return false;
  is_listed_ = is_listed_ || (byte_ >= range_start_ && byte_ <= here());
  range_start_ = 0;
  ++pos_;
  return true;
}

bool SetReader::take_class(std::size_t close) {
  const std::string_view name = glob_.substr(pos_ + 2, close - 1 - (pos_ + 2));
  const auto* found = std::find_if(kClasses.begin(), kClasses.end(),
                                   [&](const CharacterClass& each) { return each.name == name; });
  if (found == kClasses.end()) return false;
  is_listed_ = is_listed_ || found->holds(byte_);
  range_start_ = 0;
  pos_ = close + 1;
  return true;
}

/// The matching of one glob with one text.
class GlobMatch {
 public:
  GlobMatch(std::string_view glob, std::string_view text) : glob_(glob), text_(text) {}

  bool run();

 private:
  /// A star that was passed, and where in the text it ends for now.
  struct Star {
    std::size_t after = 0;  // in the glob
    std::size_t end = 0;    // in the text
    bool takes_whole_names = false;
  };

  void pass_stars();
  bool match_one();
  bool give_way();
  bool extend_span();
  void retry(const Star& star) {
    glob_pos_ = star.after;
    text_pos_ = star.end;
  }

  std::string_view glob_, text_;
  std::size_t glob_pos_ = 0;
  std::size_t text_pos_ = 0;
  std::optional<Star> star_;  // the last '*', if it came after span_
  std::optional<Star> span_;  // the last "**"
};

bool GlobMatch::run() {
  for (;;) {
    if (glob_pos_ < glob_.size() && glob_[glob_pos_] == '*') {
      pass_stars();
      continue;
    }
    if (glob_pos_ == glob_.size() && text_pos_ == text_.size()) return true;
    const bool has_both = glob_pos_ < glob_.size() && text_pos_ < text_.size();
    if (has_both && match_one()) continue;
    if (!give_way()) return false;
  }
}

void GlobMatch::pass_stars() {
  const std::size_t begin = glob_pos_;
  glob_pos_ = std::min(glob_.find_first_not_of('*', begin), glob_.size());
  const std::string_view rest = glob_.substr(glob_pos_);
  const bool is_span = glob_pos_ - begin > 1 && (begin == 0 || glob_[begin - 1] == '/') &&
                       (rest.empty() || rest.starts_with('/') || rest.starts_with("\\/"));
  if (!is_span) {
    star_ = Star{glob_pos_, text_pos_, false};
    return;
  }
  const bool takes_whole_names = rest.starts_with('/');  // also none: the slash goes with them
  if (takes_whole_names) ++glob_pos_;
  span_ = Star{glob_pos_, text_pos_, takes_whole_names};
  star_.reset();
}

/// Matches the element of the glob at hand, no star, and steps over both; where it does not match,
/// both are left anywhere.
bool GlobMatch::match_one() {
  const char byte = text_[text_pos_++];
  if (glob_[glob_pos_] == '?') {
    ++glob_pos_;
    return byte != '/';
  }
  if (glob_[glob_pos_] == '[') {
    SetReader set(glob_, glob_pos_, static_cast<unsigned char>(byte));
    const bool belongs = set.run();
    glob_pos_ = set.end();
    return belongs;
  }
  if (glob_[glob_pos_] == '\\' && ++glob_pos_ == glob_.size()) return false;
  return glob_[glob_pos_++] == byte;
}

bool GlobMatch::give_way() {
  if (star_ && star_->end < text_.size() && text_[star_->end] != '/') {
    ++star_->end;
    retry(*star_);
    return true;
  }
  star_.reset();
  if (!span_ || !extend_span()) return false;
  retry(*span_);
  return true;
}

bool GlobMatch::extend_span() {
  const std::size_t taken = span_->takes_whole_names ? text_.find('/', span_->end) : span_->end;
  if (taken >= text_.size()) return false;  // also npos
  span_->end = taken + 1;
  return true;
}

/// Without the spaces at the end that no backslash protects.
std::string_view trim_end(std::string_view line) {
  std::size_t size = 0;
  for (std::size_t pos = 0; pos < line.size(); ++pos) {
    const bool is_space = line[pos] == ' ';
    if (line[pos] == '\\') ++pos;
    if (!is_space) size = std::min(pos + 1, line.size());
  }
  return line.substr(0, size);
}

}  // namespace

std::optional<GitPattern> GitPattern::parse(std::string_view line) {
  if (line.starts_with('#')) return std::nullopt;
  line = trim_end(line.substr(0, line.find('\0')));
  GitPattern pattern;
  pattern.is_negated_ = line.starts_with('!');
  if (pattern.is_negated_) line.remove_prefix(1);
  pattern.is_for_directories_ = line.ends_with('/');
  if (pattern.is_for_directories_) line.remove_suffix(1);
  pattern.is_for_names_ = line.find('/') == std::string_view::npos;
  if (line.starts_with('/')) line.remove_prefix(1);
  if (line.empty()) return std::nullopt;
  pattern.glob_ = line;
  pattern.literal_size_ = std::min(line.find_first_of(kSpecialBytes), line.size());
  return pattern;
}

bool GitPattern::matches(std::string_view path, bool is_directory) const {
  if (is_for_directories_ && !is_directory) return false;
  if (is_for_names_) path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  const std::string_view glob = glob_;
  if (literal_size_ == glob.size()) return path == glob;
  // Taken off first, as git does: so a "**" right behind it stands at the start and spans
  // directories, as in "foo**/bar".
  if (!path.starts_with(glob.substr(0, literal_size_))) return false;
  return GlobMatch(glob.substr(literal_size_), path.substr(literal_size_)).run();
}

std::vector<GitPattern> parse_ignore_file(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<GitPattern> patterns;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto pattern = GitPattern::parse(line)) patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

}  // namespace coppice
