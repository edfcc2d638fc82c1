#pragma once
#include <set>
#include <vector>

#include "base/finding.h"
#include "repo/repository.h"
#include "snapshot/node.h"
#include "task/thread_pool.h"
#include "verify/tree_check.h"
#include "verify/verify.h"

namespace coppice {

/// A snapshot whose record is sound.
struct SnapshotRoot {
  Id id;
  Reference tree;
};

/// The snapshots that count, or the one that is asked for; records that are damaged or forged are
/// reported ("snapshot_damaged", "snapshot_forged") and left out, though a forged one's tree stays
/// to be walked. Throws Error{usage} if the one asked for is not there.
std::vector<SnapshotRoot> sound_snapshots(const Repository& repository,
                                          const std::optional<Id>& only, FindingSink& findings);

/// What all trees together are like. Which path is hurt is another question (verify/hurt_paths.h),
/// asked only after damage, when all of it is known.
struct TreesWalked {
  std::uint64_t trees = 0;
  bool is_hurt = false;
  std::set<Id> bad_metadata;      ///< chunks that could not be read
  std::set<std::uint32_t> packs;  ///< positions in the index of all that is needed; if wanted
};
/// Checks every different tree beneath the snapshots once, in parallel.
/// Memory: 32 bytes a tree, and what a worker needs for a directory part.
TreesWalked walk_trees(const TreeTools& tools, ThreadPool& pool,
                       const std::vector<SnapshotRoot>& snapshots, bool wants_packs,
                       const StopFlag* stop);

}  // namespace coppice
