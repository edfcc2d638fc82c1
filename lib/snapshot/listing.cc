#include "snapshot/listing.h"

#include "base/error.h"

namespace coppice {

Catalog list_snapshots(const LogState& state, FindingSink& findings) {
  std::vector<ListedSnapshot> listed;
  bool is_complete = state.broken.empty();
  for (const LoggedSnapshot& logged : state.snapshots) {
    if (state.is_void(logged)) continue;
    try {
      ListedSnapshot snapshot;
      snapshot.id = logged.id;
      snapshot.number = logged.number;
      snapshot.is_forgotten = logged.is_forgotten;
      snapshot.slot = logged.slot;
      snapshot.record = decode_snapshot(logged.record);
      const std::vector<std::string> added(logged.added_tags.begin(), logged.added_tags.end());
      const std::vector<std::string> removed(logged.removed_tags.begin(),
                                             logged.removed_tags.end());
      snapshot.tags = changed_tags(snapshot.record.tags, added, removed);
      listed.push_back(std::move(snapshot));
    } catch (const Error& error) {  // per item
      is_complete = false;
      findings.report({Finding::Weight::damaged, "snapshot_damaged",
                       "snapshot " + logged.id.short_hex(), error.what()});
    }
  }
  return Catalog(std::move(listed), is_complete);
}

}  // namespace coppice
