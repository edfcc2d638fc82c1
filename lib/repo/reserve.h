#pragma once
#include <functional>

#include "base/finding.h"
#include "store/store.h"

/// The space that `init` keeps for a full target (docs/format.md, section 2): enough for the
/// entries that say what can go.
namespace coppice {

/// Runs `call`; if the target is full, removes the reserve, says so, and runs it once more. True if
/// the reserve was removed.
bool with_reserve(Store& store, FindingSink& findings, const std::function<void()>& call);
/// Puts the reserve back, if it is gone and there is room now.
void put_reserve(Store& store);

}  // namespace coppice
