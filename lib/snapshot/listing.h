#pragma once
#include "base/finding.h"
#include "repo/log_state.h"
#include "snapshot/catalog.h"

namespace coppice {

/// The snapshots that the log tells of, forgotten ones marked, void ones left out. A record that
/// cannot be decoded is reported (13) and left out.
Catalog list_snapshots(const LogState& state, FindingSink& findings);

}  // namespace coppice
