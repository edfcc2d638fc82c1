#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "fs/fd.h"
#include "fs/metadata.h"
#include "task/guarded.h"

namespace coppice {

/// A directory that is restored into. Made by the planner, then const but for its owner's
/// bookkeeping; shared by the entries in it, which may be spread over several windows.
struct OutputDirectory {
  std::shared_ptr<const OutputDirectory> parent;  ///< null for the target itself
  std::string name;                               ///< in the parent
  std::string target_path;                        ///< of the target itself: in the snapshot
  Metadata metadata;                              ///< to be set when all is in place …
  bool sets_metadata = false;                     ///< … if this says so
  bool is_fresh = false;                          ///< made by this restore: nothing stood in it
  bool is_missing = false;                        ///< a dry run would make it
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  mutable std::uint64_t link_number = 0;  ///< LinkTable's

  /// In the snapshot, for messages. Made when it is asked for: paths that are kept take memory with
  /// the square of the depth.
  std::string path() const;
};
using OutputDirectoryPtr = std::shared_ptr<const OutputDirectory>;

/// A descriptor that stays open while one thread uses it and another evicts it from the cache.
using SharedFd = std::shared_ptr<const Fd>;

/// Descriptors of output directories, a bounded number of them open. One that was evicted is opened
/// again from its parent, never through a symlink, and must be the same directory. Thread-safe.
class OutputDirectories {
 public:
  /// `target` is the descriptor of the target itself (not open in a dry run without a target).
  OutputDirectories(Fd target, std::size_t capacity);

  /// Throws call_error; Error{failed} if another directory took its place.
  SharedFd open(const OutputDirectoryPtr& directory);
  void insert(const OutputDirectoryPtr& directory, Fd fd);
  /// Closes it once nobody uses it.
  void forget(const OutputDirectoryPtr& directory);
  int target() const { return target_->get(); }

 private:
  struct Entry {
    OutputDirectoryPtr directory;  // keeps the key from being used again
    SharedFd fd;
  };
  struct Cache {
    std::list<Entry> entries;  // newest first
    std::unordered_map<const OutputDirectory*, std::list<Entry>::iterator> by_directory;
  };

  SharedFd find(const OutputDirectoryPtr& directory);
  SharedFd open_again(const OutputDirectoryPtr& directory, const Fd& parent);
  SharedFd insert_shared(const OutputDirectoryPtr& directory, SharedFd fd);

  SharedFd target_;
  std::size_t capacity_;
  Guarded<Cache> cache_;
};

}  // namespace coppice
