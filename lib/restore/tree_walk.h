#pragma once
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/stop.h"
#include "restore/restore.h"
#include "restore/shared_findings.h"
#include "snapshot/tree_reader.h"

namespace coppice {

/// Asks the caller's patterns, one thread at a time. Thread-safe.
class Selector {
 public:
  using Choose = std::function<RestoreChoice(std::string_view path, bool is_directory)>;
  explicit Selector(Choose choose) : is_set_(choose != nullptr), choose_(std::move(choose)) {}

  RestoreChoice operator()(std::string_view path, bool is_directory) const;

 private:
  bool is_set_;
  Guarded<Choose> choose_;
};

/// What is done with the selected entries of a snapshot, in order: names ascend within a directory,
/// a directory is entered before what is in it and left after.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  /// The first directory that is entered stands for the target itself; `node.name` is then empty.
  /// Nodes may be moved from. False: it is passed over, and not left either.
  virtual bool enter(const std::string& path, Node& node, RestoreChoice choice) = 0;
  virtual void entry(const std::string& path, Node& node) = 0;
  /// `is_whole` is false if the snapshot does not know all that was in the directory.
  virtual void leave(bool is_whole) = 0;
};

/// What a restore is about: a snapshot's tree, the part of it that is wanted, and who says so.
struct WantedTree {
  MetadataSource& trees;
  Node root;                ///< "/" itself
  std::string sub_path;     ///< as RestoreOptions::sub_path
  bool takes_root = false;  ///< where all is wanted: "/" itself too, for the target
  const Selector& select;
  const StopFlag* stop = nullptr;
};

/// Walks what is wanted. A tree that cannot be read is reported as "tree_damaged" with the
/// directory's path, and the walk goes on beside it; at the very top it throws. Memory: one tree
/// part a level. Throws Error{usage} if sub_path is not in the snapshot, Error{interrupted}.
void walk_wanted(const WantedTree& wanted, TreeVisitor& visitor, SharedFindings& findings);

/// "/a" and "b" make "/a/b"; "/" and "b" make "/b".
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace coppice
