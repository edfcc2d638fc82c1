#pragma once
#include "restore/planned_window.h"
#include "restore/restore_context.h"

namespace coppice {

/// Makes a symlink, FIFO, socket or device with its metadata, beside or instead of what is there
/// (action create or replace), or reports why not. Requires that the entry was examined. May run in
/// parallel with other entries. Throws only what ends the restore.
void restore_special_entry(RestoreContext& context, PlannedEntry& entry);

/// Makes a later name of a file that has its first one, or reports why not. What stands there is
/// replaced as the options allow; a link that is there already is unchanged. Requires that the
/// first name was restored or given up; one thread calls it.
void restore_later_name(RestoreContext& context, PlannedEntry& entry);

}  // namespace coppice
