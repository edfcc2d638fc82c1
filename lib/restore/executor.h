#pragma once
#include "restore/planned_window.h"
#include "restore/restore_context.h"

namespace coppice {

/// Restores one window: looks at what is there, writes contents, makes special entries and links,
/// removes what is extra, reads back if asked to, and last gives the directories that are complete
/// their metadata, children before parents. Works in the context's task group; one thread at a time
/// calls it, windows in their order. Throws only what ends the restore.
void restore_window(RestoreContext& context, PlannedWindow& window);

}  // namespace coppice
