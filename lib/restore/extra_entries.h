#pragma once
#include "restore/planned_window.h"
#include "restore/restore_context.h"

namespace coppice {

/// Removes an entry of the target with all beneath it, but for what the patterns exclude and other
/// mounts. Reports what cannot be removed ("delete_failed", partial). True if nothing is left of
/// it. In a dry run reports "would_delete" and removes nothing. Throws only what ends the restore.
bool remove_extra_entry(RestoreContext& context, const ExtraEntry& extra);

}  // namespace coppice
