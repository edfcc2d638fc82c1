#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backup/git_pattern.h"

namespace coppice {

/// What the ignore files of git say in one directory (--git-ignore). As `git check-ignore
/// --no-index` does, but:
/// - a .gitignore counts also where there is no repository;
/// - .git itself is never ignored, and nothing in it: it is no part of the work tree, and a
///   repository without some of its files is none;
/// - what belongs to the user who runs git, and not to the tree, is not read: core.excludesFile and
///   $HOME/.config/git/ignore. The same backup leaves out the same, whoever runs it.
///
/// A directory's .gitignore goes before those above it, up to the directory that holds a .git:
/// there git's world begins anew, and .git/info/exclude comes last. Who asks entry by entry, from
/// the top, and looks into no directory that is ignored, finds what git finds. A value: immutable,
/// cheap to copy, shares what was read. What cannot be read says nothing: better a file too many
/// than one too few.
class GitIgnores {
 public:
  /// Nothing is ignored.
  GitIgnores() = default;
  /// What holds in the live directory `path` (absolute) by the work tree that it lies in; nothing
  /// if it lies in none.
  static GitIgnores of_work_tree(const std::string& path);

  /// What holds inside directory `name` of this one, opened as `directory`.
  GitIgnores inside(const std::string& name, int directory) const;
  /// True if an ignore file of this directory was not read, because more than kMaxIgnoreBytes
  /// would count for it.
  bool is_too_large() const { return is_too_large_; }

  /// True if the entry `name` of this directory is ignored.
  bool ignores(const std::string& name, bool is_directory) const;

 private:
  /// A directory with ignore files.
  struct Scope;

  std::shared_ptr<const Scope> scope_;  // the nearest at or above; null: there is none
  std::string path_;                    // of this directory below that of `scope_`
  bool is_too_large_ = false;
  bool is_in_git_directory_ = false;
};

/// Bytes of ignore files that count for one directory, its own and those above.
inline constexpr std::size_t kMaxIgnoreBytes = 1 << 20;

}  // namespace coppice
