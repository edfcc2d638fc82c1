#pragma once
#include <optional>
#include <string>
#include <vector>

#include "access.h"
#include "snapshot/catalog.h"
#include "syntax.h"

namespace coppice {

/// --host, --tag and --path of the commands that look for snapshots.
struct SnapshotWishes {
  std::vector<std::string> hosts, tags, paths;

  void declare(Syntax& syntax);
  SnapshotFilter filter() const;
};

/// The snapshot that a command is about, and the path that was named with it.
struct ChosenSnapshot {
  ListedSnapshot snapshot;
  std::optional<std::string> path;
};

/// What "SNAPSHOT" or "SNAPSHOT:PATH" means; "latest:/path" is the newest snapshot that contains
/// the path. Throws as Catalog::resolve.
ChosenSnapshot choose_snapshot(const Invocation& invocation, OpenedRepository& opened,
                               const std::string& word, const SnapshotWishes& wishes);

/// True if this slot can read names and trees.
bool can_read_trees(const Repository& repository);

}  // namespace coppice
