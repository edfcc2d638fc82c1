#pragma once
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "crypto/hash.h"
#include "repo/log_state.h"

/// A checkpoint restates the whole state in one entry, so that readers start there and older
/// entries can go (docs/format.md, section 5). Encoding is canonical: equal states give equal
/// bytes, so that a reader who knows all entries can judge whether a checkpoint tells the truth.
namespace coppice {

/// A checkpoint entry's parts.
struct Checkpoint {
  std::vector<ObjectRef> adds;
  std::vector<ObjectRef> deletes;
  Bytes public_body;
  Bytes body;

  bool operator==(const Checkpoint&) const = default;
};

/// Restates `state`, for the entry number state.next_number. Throws Error{refused} while collection
/// is stopped and Error{newer_version} for a state that this program cannot judge: a checkpoint
/// would hide what it does not show.
Checkpoint make_checkpoint(const LogState& state);
/// The same without these conditions, for comparing.
Checkpoint restate(const LogState& state);

/// The public part.
struct CheckpointBody {
  std::vector<Bytes> root_entries;  ///< whole files, oldest first
  std::vector<Id> condemned;
};
/// Throws Error{damaged}.
CheckpointBody decode_checkpoint_body(ByteView bytes);

/// Fills all of `state` but keys, rights and log position from a checkpoint that was found sound;
/// `body` is its sealed part, `identity` that of metadata. Throws Error{damaged},
/// Error{newer_version}.
void restore_contents(LogState& state, const LogEntry& entry, ByteView body,
                      const ChunkIdentity& identity);

}  // namespace coppice
