#pragma once
#include <optional>

#include "base/id.h"
#include "repair/repair_plan.h"
#include "repo/export.h"
#include "repo/keyless_log.h"
#include "store/store.h"

namespace coppice {

/// Where the files that stand in two copies are healed, and from where if both copies are lost.
/// What it names must outlive the plan.
struct TwinSources {
  Store& store;
  Store* other;                  ///< counts if it is a copy of this repository; may be null
  const HeaderExport* exported;  ///< for header, slots and root-signed entries; may be null
};

/// Plans to heal the files that stand in two copies and carry checksums of their own: header and
/// slots; and the readme, which is made anew. The repository's id as the header tells it; nullopt
/// if that is lost. Throws Error{newer_version}.
std::optional<Id> plan_text_repair(const TwinSources& sources, RepairPlan& plan);

/// The same for log entries, those before the first readable one too. One is taken from elsewhere
/// only if it is what its successor names; the successor may itself come from there. `log` is that
/// of sources.store.
void plan_log_repair(const TwinSources& sources, const std::optional<Id>& repository,
                     const KeylessLog& log, RepairPlan& plan);

}  // namespace coppice
