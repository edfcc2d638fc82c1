#pragma once
#include <span>
#include <string>
#include <vector>

#include "snapshot/catalog.h"

namespace coppice {

/// What snapshots of one group have in common beside slot and host, which always part them: one
/// machine's snapshots never count against another's, and a machine that lies about its host name
/// does not reach those of another slot.
struct Grouping {
  bool by_paths = true;
  bool by_tags = false;
};

/// Snapshots that are judged together.
struct SnapshotGroup {
  SlotId slot;
  std::string host;
  std::vector<std::string> paths;              ///< sorted; empty unless they part groups
  std::vector<std::string> tags;               ///< the same
  std::vector<const ListedSnapshot*> members;  ///< in order of receipt, oldest first
};

/// Groups in order of slot, host, paths and tags. `snapshots` are in order of receipt.
std::vector<SnapshotGroup> group_snapshots(std::span<const ListedSnapshot* const> snapshots,
                                           const Grouping& grouping);

/// "host web1, paths /etc /home", escaped for people.
std::string describe(const SnapshotGroup& group, const Grouping& grouping);

}  // namespace coppice
