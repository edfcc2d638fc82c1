#pragma once
#include "repo/log_types.h"
#include "repo/role.h"

namespace coppice {

/// True for the entries that only the root key signs (signer: 16 zeros). An owner appends them with
/// the root seed from its slot, never with the slot's own key.
bool is_root_entry(LogEntryType type);

/// True if a slot of this role may append an entry of this type, signed with the slot's own key:
/// the `who` column of docs/format.md section 5. False for every root entry and for unknown roles
/// and types.
bool may_append(Role role, LogEntryType type);

}  // namespace coppice
