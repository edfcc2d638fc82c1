#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// One pattern of --exclude and friends, with restic's meaning (restic manual, "Excluding files"): a pattern that starts
/// with '/' is matched from the root, any other at every depth; '*' and '?' and '[…]' stay within a name, '**' spans any
/// number of directories; a match of a directory covers all below it; '!' in front takes back what earlier patterns left
/// out (the last matching pattern decides). Immutable.
class Pattern {
 public:
  /// Throws Error{usage} for an empty pattern or a broken bracket expression.
  Pattern(std::string_view text, bool ignore_case);

  /// True if the pattern matches this absolute path or one of the directories it lies in.
  bool matches(std::string_view path) const;
  bool is_negated() const { return is_negated_; }

 private:
  std::vector<std::string> parts_;
  bool is_absolute_ = false;
  bool is_negated_ = false;
  bool ignore_case_ = false;
};

}  // namespace coppice
