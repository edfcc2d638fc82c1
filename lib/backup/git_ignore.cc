#include "backup/git_ignore.h"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "backup/source_tree.h"
#include "base/bytes.h"
#include "base/error.h"
#include "fs/fd.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

constexpr const char* kGitDirectory = ".git";
constexpr const char* kIgnoreFile = ".gitignore";
constexpr const char* kInfoExclude = ".git/info/exclude";

std::string joined(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

/// True if git would take this directory for the top of a work tree: .git is a repository, or (of a
/// submodule, of a linked work tree) a file that names one.
bool holds_repository(int directory) {
  try {
    const auto found = try_stat_at(directory, kGitDirectory);
    if (!found) return false;
    return found->type == FileType::regular || try_stat_at(directory, ".git/HEAD").has_value();
  } catch (const Error&) {  // per item
    return false;
  }
}

/// Nothing if it cannot be read; not more than kMaxIgnoreBytes + 1.
std::optional<Bytes> read_ignore_file(int directory, const char* name) {
  try {
    const OpenResult opened = try_open_source_at(directory, name, FileType::regular);
    if (opened.errno_value != 0) return std::nullopt;
    if (stat_fd(opened.fd.get()).type != FileType::regular) return std::nullopt;
    Bytes text(kMaxIgnoreBytes + 1);
    text.resize(read_at(opened.fd.get(), text, 0));
    return text;
  } catch (const Error&) {  // per item
    return std::nullopt;
  }
}

}  // namespace

struct GitIgnores::Scope {
  std::shared_ptr<const Scope> above;          ///< null at the top of a work tree
  std::string path;                            ///< of the directory below that of `above`
  std::vector<std::vector<GitPattern>> files;  ///< the first with a match decides
  std::size_t bytes = 0;                       ///< of these files and those above

  /// False if it would be too much.
  bool add_file(int directory, const char* name);
  /// What the last pattern that matches says.
  std::optional<bool> verdict(std::string_view entry_path, bool is_directory) const;
};

bool GitIgnores::Scope::add_file(int directory, const char* name) {
  const std::optional<Bytes> text = read_ignore_file(directory, name);
  if (!text) return true;
  if (text->size() > kMaxIgnoreBytes - bytes) return false;
  bytes += text->size();
  std::vector<GitPattern> patterns = parse_ignore_file(as_text(*text));
  if (!patterns.empty()) files.push_back(std::move(patterns));
  return true;
}

std::optional<bool> GitIgnores::Scope::verdict(std::string_view entry_path,
                                               bool is_directory) const {
  for (const std::vector<GitPattern>& patterns : files) {
    for (auto pattern = patterns.rbegin(); pattern != patterns.rend(); ++pattern) {
      if (pattern->matches(entry_path, is_directory)) return !pattern->is_negated();
    }
  }
  return std::nullopt;
}

GitIgnores GitIgnores::inside(const std::string& name, int directory) const {
  GitIgnores result;
  result.is_in_git_directory_ = is_in_git_directory_ || name == kGitDirectory;
  if (result.is_in_git_directory_) return result;
  const bool is_top = holds_repository(directory);
  if (scope_ && !is_top) {
    result.scope_ = scope_;
    result.path_ = joined(path_, name);
  }
  Scope scope{result.scope_, result.path_, {}, result.scope_ ? result.scope_->bytes : 0};
  const bool has_all = scope.add_file(directory, kIgnoreFile) &&
                       (!is_top || scope.add_file(directory, kInfoExclude));
  result.is_too_large_ = !has_all;
  if (scope.files.empty()) return result;
  result.scope_ = std::make_shared<const Scope>(std::move(scope));
  result.path_.clear();
  return result;
}

bool GitIgnores::ignores(const std::string& name, bool is_directory) const {
  if (!scope_ || name == kGitDirectory) return false;
  std::string path = joined(path_, name);
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->above.get()) {
    if (const auto verdict = scope->verdict(path, is_directory)) return *verdict;
    path = joined(scope->path, path);
  }
  return false;
}

GitIgnores GitIgnores::of_work_tree(const std::string& path) {
  GitIgnores ignores;
  bool is_in_work_tree = false;
  std::string directory_path;
  std::vector<std::string> names = path_components(path);
  names.insert(names.begin(), "");  // "/" itself
  for (const std::string& name : names) {
    directory_path += name + "/";
    const OpenResult opened = try_open_at(AT_FDCWD, directory_path.c_str(), O_PATH | O_DIRECTORY);
    if (opened.errno_value != 0) return {};
    is_in_work_tree = is_in_work_tree || holds_repository(opened.fd.get());
    if (is_in_work_tree) ignores = ignores.inside(name, opened.fd.get());
  }
  return ignores;
}

}  // namespace coppice
