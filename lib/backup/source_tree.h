#pragma once
#include <map>
#include <string>
#include <vector>

#include "backup/backup.h"

namespace coppice {

/// The recorded paths of a backup as a tree of names: which names below "/" are to be visited, and
/// which of them are sources themselves (docs/format.md, section 10: a snapshot's root stands for
/// "/").
struct SourceTree {
  bool is_source = false;  ///< everything at and below it is backed up
  std::string live_path;   ///< where it is read
  std::map<std::string, SourceTree> children;

  /// Throws Error{usage} for a path that is not absolute, or that contains "." or "..".
  static SourceTree from(const std::vector<BackupSource>& sources);
  /// Of the children, ascending.
  std::vector<std::string> names() const;
};

/// The components of an absolute path; empty for "/". Throws Error{usage}.
std::vector<std::string> path_components(const std::string& path);

/// The path of an entry of that directory.
std::string path_below(const std::string& directory, const std::string& name);

}  // namespace coppice
