#include "repo/log_state.h"

#include "base/error.h"

namespace coppice {

bool LogState::is_read_only() const {
  return has_unknown || header_only_reads || features.read_only_compatible != 0;
}

std::uint64_t LogState::newest_epoch() const {
  if (epochs.empty()) throw_damaged("the log names no epoch");
  return epochs.rbegin()->first;
}

bool LogState::is_revoked(const SlotId& slot, std::uint64_t number) const {
  const auto found = revoked_from.find(slot);
  return found != revoked_from.end() && number >= found->second;
}

bool LogState::is_void(const LoggedSnapshot& snapshot) const {
  return void_numbers.contains(snapshot.number) || is_revoked(snapshot.slot, snapshot.number);
}

std::vector<const LoggedSnapshot*> LogState::visible_snapshots() const {
  std::vector<const LoggedSnapshot*> visible;
  std::set<Id> seen;
  for (const LoggedSnapshot& snapshot : snapshots) {
    if (snapshot.is_forgotten || is_void(snapshot)) continue;
    if (seen.insert(snapshot.id).second) visible.push_back(&snapshot);
  }
  return visible;
}

bool LogState::is_damaged(const Id& pack, const ChunkName& chunk) const {
  const auto found = damaged.find(pack);
  if (found == damaged.end()) return false;
  return found->second.empty() || found->second.contains(chunk);
}

}  // namespace coppice
