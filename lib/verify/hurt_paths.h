#pragma once
#include "base/finding.h"
#include "base/stop.h"
#include "verify/snapshot_walk.h"
#include "verify/tree_check.h"

namespace coppice {

/// So many paths of a snapshot are named, the rest is counted …
inline constexpr std::uint64_t kMaxNamedPaths = 1000;
/// … up to here: then it is told that there are more.
inline constexpr std::uint64_t kMaxCountedPaths = 1'000'000;

/// Names every path of every snapshot that is hurt: "content_damaged", "tree_damaged",
/// "more_content_damaged". Trees in which all is well are looked at once, others once for every
/// path that leads to them. Memory: one directory part a level. Returns how many there are in all.
std::uint64_t report_hurt_paths(const TreeTools& tools, const std::vector<SnapshotRoot>& snapshots,
                                const StopFlag* stop, FindingSink& findings);

}  // namespace coppice
