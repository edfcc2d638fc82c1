#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "backup/scan.h"

namespace coppice {

/// New files and directories that are worth a second look at the old directory, for nodes of which
/// they may be the next version: the same inode under another name, or a name that differs in its
/// numbers alone. Not thread-safe. Memory: 4 MiB of nodes, beyond that `has_room` is false.
class SimilarNodes {
 public:
  /// The entries must outlive it; what is found becomes their `similar`.
  SimilarNodes(std::vector<ScannedEntry>& entries, bool inodes_are_stable);

  bool is_empty() const { return is_empty_; }
  bool has_room() const;

  /// Old nodes, names ascending.
  void see(Node&& node);
  /// Those that had no inode in common take the last one that is akin.
  void finish();

 private:
  bool is_empty_ = true;
  std::size_t bytes_ = 0;  // of what was found
  std::unordered_map<std::uint64_t, ScannedEntry*> by_inode_;
  std::unordered_map<std::string, std::vector<ScannedEntry*>> by_kinship_;
  std::unordered_map<std::string, Node> latest_;  // by kinship
};

}  // namespace coppice
