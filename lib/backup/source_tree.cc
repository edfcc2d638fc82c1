#include "backup/source_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace coppice {

std::string path_below(const std::string& directory, const std::string& name) {
  std::string path = directory == "/" ? std::string() : directory;
  path += '/';
  path += name;
  return path;
}

std::vector<std::string> path_components(const std::string& path) {
  if (path.empty() || path.front() != '/') {
    throw Error(ErrorKind::usage,
                fmt::format("not an absolute path: {}", escape_for_display(path)));
  }
  std::vector<std::string> components;
  for (std::size_t start = 1; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    std::string part = path.substr(start, end - start);
    if (part == "." || part == "..") {
      throw Error(ErrorKind::usage,
                  fmt::format("path with '.' or '..' in it: {}", escape_for_display(path)));
    }
    if (!part.empty()) components.push_back(std::move(part));
    start = end + 1;
  }
  return components;
}

SourceTree SourceTree::from(const std::vector<BackupSource>& sources) {
  SourceTree root;
  root.live_path =
      std::string(1, '/');  // not a literal: g++ 12 warns falsely of an overlap (its bug 105651)
  for (const BackupSource& source : sources) {
    SourceTree* node = &root;
    std::string path;
    for (const std::string& name : path_components(source.recorded_path)) {
      path += '/';
      path += name;
      SourceTree& child = node->children[name];
      if (child.live_path.empty()) child.live_path = path;
      node = &child;
    }
    node->is_source = true;
    node->live_path = source.live_path;
  }
  return root;
}

std::vector<std::string> SourceTree::names() const {
  std::vector<std::string> names;
  for (const auto& [name, child] : children) names.push_back(name);
  return names;
}

}  // namespace coppice
