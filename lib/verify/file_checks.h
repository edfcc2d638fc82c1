#pragma once
#include <optional>
#include <set>

#include "base/finding.h"
#include "base/id.h"
#include "repo/live_objects.h"
#include "store/store.h"

namespace coppice {

/// The files beside log and objects: header and slots with their copies, readme, reserve. None of
/// them proves anything; each is checked by its own checksum.

/// The repository's id as the header or its copy says; nullopt if neither can be read. `expected`:
/// as the slot's keys say, where there are keys. Throws Error{newer_version}.
std::optional<Id> check_header(Store& store, const std::optional<Id>& expected,
                               FindingSink& findings);

/// `expected`: slots that should be there, where the log could be read with a key.
void check_slots(Store& store, const std::optional<Id>& repository,
                 const std::set<SlotId>& expected, FindingSink& findings);

void check_readme_and_reserve(Store& store, FindingSink& findings);

/// Notes packs that the log does not name, or has deleted.
void note_unlogged_packs(Store& store, const LiveObjects& objects, FindingSink& findings);

}  // namespace coppice
