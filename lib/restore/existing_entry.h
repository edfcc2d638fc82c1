#pragma once
#include "restore/planned_window.h"
#include "restore/restore_context.h"

namespace coppice {

/// Looks at what stands in the target where an entry is to go, and sets the entry's action (and
/// update plan). What needs no content is settled and counted here: unchanged entries, whose
/// metadata is repaired, and entries that are kept or given up. In a dry run reports what would be
/// done, changes nothing and settles everything. Entries of one window may be looked at in
/// parallel. Throws only what ends the restore.
void examine_entry(RestoreContext& context, PlannedEntry& entry);

/// Reports an entry that cannot be restored, settles and counts it. Throws `error` again if it ends
/// the restore.
void give_up(RestoreContext& context, PlannedEntry& entry, const Error& error);
/// Settles an entry without a word, and counts it.
void settle_restored(RestoreContext& context, PlannedEntry& entry);

/// Removes the directory that stands where an entry of another type is to go: an empty one, or any
/// with RestoreOptions::delete_extra. True if it was empty. Throws Error{failed} if it cannot. A
/// dry run only tells.
bool make_room(RestoreContext& context, const PlannedEntry& entry);

/// Renames within a directory over what stands there, also if that is protected by flags; removes
/// `from` if it cannot. Throws call_error.
void rename_over(int dirfd, const std::string& from, const std::string& to);

/// Opens an existing regular file to be changed in place; lifts a mode or flag that forbids it.
/// Throws call_error; Error{failed} if it is no regular file any more.
Fd open_for_update(int dirfd, const char* name);

}  // namespace coppice
