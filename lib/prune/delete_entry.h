#pragma once
#include <cstdint>
#include <set>
#include <vector>

#include "prune/survey.h"
#include "repo/log.h"

namespace coppice {

/// What a collection has found can go.
struct Collected {
  std::set<Id> packs;              ///< condemned, and nothing in them is needed
  std::vector<ObjectRef> orphans;  ///< packs and index objects that the log does not know
  std::set<Id> snapshots;          ///< that were forgotten when the collection began
};

struct DeleteEntry {
  LogAppend append;
  std::uint64_t snapshots = 0;  ///< that end with it
  bool has_sessions = false;

  bool is_empty() const { return append.deletes.empty() && snapshots == 0 && !has_sessions; }
};

/// The `delete` entry that is to follow `state`. Besides what was collected it ends index objects
/// that were replaced, and what is left of sessions: records whose boxes the log has are
/// superfluous, and those of sessions that came to nothing; boxes of which no block is left, too.
/// Those of sessions that may still publish, or of whose packs some may still be adopted, stay.
/// Lists the sessions.
DeleteEntry make_delete_entry(Store& store, const Survey& survey, const Collected& collected,
                              const LogState& state);

}  // namespace coppice
