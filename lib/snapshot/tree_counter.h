#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "snapshot/needed_chunks.h"
#include "snapshot/statistics.h"
#include "snapshot/tree_reader.h"

/// One walk serves both modes of counting: every different directory is read once, in whichever
/// snapshot it comes first, and its sums are remembered. Sums add up over shared directories, hard
/// links don't: two names of one file may lie in different directories of a snapshot. So names of
/// hard links stay out of the sums, are kept by directory, and are united anew for each snapshot.
namespace coppice {

/// What trees add up to.
struct TreeSums {
  std::uint64_t size = 0;
  std::uint64_t holes = 0;  ///< of `size`; known only if chunks are counted
  std::uint64_t entries = 0;

  void add(const TreeSums& other) {
    size += other.size;
    holes += other.holes;
    entries += other.entries;
  }
};

/// One name of a regular file that may have others.
struct CountedLink {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint64_t holes = 0;
};

/// The hard links in a directory, and the directories in it that have some, in it or beneath.
struct LinkedTree {
  std::vector<CountedLink> links;
  std::vector<const LinkedTree*> below;
};

/// A directory with all that is beneath it.
struct TreeTotal {
  TreeSums sums;                       ///< every entry, but not the sizes of hard links
  std::unique_ptr<LinkedTree> linked;  ///< null if there are no hard links

  LinkedTree& make_linked() {
    if (!linked) linked = std::make_unique<LinkedTree>();
    return *linked;
  }
};

/// Counts trees, each different one once.
class TreeCounter {
 public:
  /// `chunks` may be null: then only trees are read, not content lists.
  TreeCounter(const StatisticsTools& tools, NeededChunks* chunks)
      : tools_(tools), chunks_(chunks) {}

  TreeSums count(const ListedSnapshot& snapshot);

 private:
  /// A directory on the way to where we are.
  struct Frame {
    Frame(MetadataSource& trees, const Reference& reference, std::size_t path_bytes)
        : tree(reference), nodes(trees, reference), path_size(path_bytes) {}
    Reference tree;
    TreeCursor nodes;
    std::size_t path_size;  // of the directory's own path, without a slash at the end
    TreeTotal total;
  };

  void enter(const Reference& tree);
  void step();
  const Node* next_node(Frame& frame);
  void count_node(Frame& frame, const Node& node);
  void count_file(TreeTotal& total, const Node& file);
  void leave();
  void report(const char* code, const Error& error);
  static void add_subtree(TreeTotal& total, const TreeTotal& subtree);

  StatisticsTools tools_;
  NeededChunks* chunks_;
  ByReference<TreeTotal> known_;
  std::vector<std::unique_ptr<Frame>> frames_;  // no recursion: depth is the backup's to choose
  std::string snapshot_;
  std::string path_;
};

}  // namespace coppice
