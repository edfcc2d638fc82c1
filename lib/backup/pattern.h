#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// One pattern of --exclude and friends, with restic's meaning (restic manual, "Excluding files"):
/// - it is cleaned like a path ("a//b/./c/../" is "a/b") and compared name by name;
/// - one that starts with '/' is matched from the root, any other at every depth;
/// - '*' stands for any run of characters of a name, '?' for one, "[a-z]" for one of a set and
///   "[^a-z]" for one outside it; a backslash takes the next character literally (the syntax of
///   Go's path/filepath.Match);
/// - "**" as a whole name spans any number of directories, also none;
/// - a match of a directory covers all below it;
/// - '!' in front takes back what earlier patterns left out (the last matching pattern decides).
/// Names are bytes: a character is one of UTF-8 where the bytes are such, else a single byte.
///
/// Matching takes at most (pattern size * path size) steps, whatever the pattern. Immutable.
class Pattern {
 public:
  /// `ignore_case` compares letters of all scripts in lower case. Throws Error{usage} for an empty
  /// pattern, a broken bracket expression and a backslash at the end of a name.
  Pattern(std::string_view text, bool ignore_case);

  /// True if the pattern matches this path or one of the directories it lies in; whether it is
  /// negated does not count. Requires a path without the names "." and ".."; absolute, or no
  /// pattern with a leading '/' matches.
  bool matches(std::string_view path) const;
  bool is_negated() const { return is_negated_; }
  /// True if it is matched from the root only.
  bool is_absolute() const { return is_absolute_; }

 private:
  bool matches_exactly(std::string_view path) const;

  std::vector<std::string> parts_;  ///< well-formed; in lower case if ignore_case_
  bool is_absolute_ = false;
  bool is_negated_ = false;
  bool ignore_case_ = false;
};

}  // namespace coppice
