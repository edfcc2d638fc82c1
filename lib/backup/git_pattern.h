#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// One line of an ignore file, with git's meaning (gitignore(5)), where it differs from restic's
/// patterns (pattern.h):
/// - without a '/' but at its end it is compared with the entry's name, at every depth; with one,
///   with the whole path below the ignore file's directory;
/// - a '/' at its end lets it match directories only;
/// - "**" spans directories only between slashes or at an end, else it is '*';
/// - '?', '*' and sets take bytes, and never a '/'; sets know "[!a]" and "[:alpha:]"; a broken one
///   matches nothing;
/// - a match of a directory does not say anything of what is below it: nobody looks there.
///
/// Matching takes a number of steps that is polynomial in the sizes, whatever the pattern: ignore
/// files are written by others than who runs the backup. Immutable.
class GitPattern {
 public:
  /// A line without its end; nothing if it holds no pattern (empty, a comment).
  static std::optional<GitPattern> parse(std::string_view line);

  /// True if it matches the entry at `path`, relative to the ignore file's directory and not empty;
  /// whether it is negated does not count.
  bool matches(std::string_view path, bool is_directory) const;
  /// True if a match takes back what patterns before it left out.
  bool is_negated() const { return is_negated_; }

 private:
  std::string glob_;
  std::size_t literal_size_ = 0;  ///< bytes of it before the first special one
  bool is_negated_ = false;
  bool is_for_directories_ = false;
  bool is_for_names_ = false;
};

/// The patterns of an ignore file, in order. As git does: a byte order mark in front and a carriage
/// return at the end of a line are skipped, spaces at the end of a line unless escaped.
std::vector<GitPattern> parse_ignore_file(std::string_view text);

}  // namespace coppice
