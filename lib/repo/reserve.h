#pragma once
#include <functional>

#include "base/finding.h"
#include "store/store.h"

/// The space and the inodes that `init` keeps for a full target (docs/format.md, section 2): enough
/// for the entries that say what can go.
namespace coppice {

/// Runs `call`; if the target is full, removes the reserve, says so, and runs it once more. True if
/// the reserve was removed.
bool with_reserve(Store& store, FindingSink& findings, const std::function<void()>& call);
/// Puts what is missing of the reserve. Throws as Store::put.
void put_reserve(Store& store);
/// The same, as far as there is room now.
void try_put_reserve(Store& store);

}  // namespace coppice
