#pragma once
#include "json_text.h"
#include "snapshot/catalog.h"

namespace coppice {

/// A snapshot with restic's keys.
Json snapshot_json(const ListedSnapshot& snapshot);

/// Sets the counts with the keys of restic's backup summary; zeros too.
void set_summary(Json& object, const SnapshotSummary& summary);

}  // namespace coppice
