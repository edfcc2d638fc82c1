#pragma once
#include "crypto/hash.h"
#include "repo/log_state.h"

namespace coppice {

/// A slot's entry that was found genuine and allowed, with its body opened.
struct GenuineEntry {
  const LogEntry& entry;
  ByteView body;
  Role signer_role;
};

/// Changes the state as the entry says (docs/format.md, section 5; all slot-signed types but
/// checkpoint). What makes no sense within a genuine entry (an object whose name is spent, an
/// unknown snapshot) is left out and reported among the findings. Throws Error{damaged} or
/// Error{newer_version} before it changes anything. `identity`: of metadata.
void obey(LogState& state, const GenuineEntry& entry, const ChunkIdentity& identity);

}  // namespace coppice
