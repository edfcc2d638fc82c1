#include "repo/live_objects.h"

#include "base/error.h"

namespace coppice {

LiveObjects::Added LiveObjects::add(const ObjectRef& object) {
  if (deleted_.contains(object.name)) return Added::deleted_before;
  const std::size_t before = live_.size();
  // The hint saves the search when a checkpoint names them in order.
  const auto at = live_.try_emplace(live_.end(), object.name, object);
  if (live_.size() != before) return Added::added;
  return at->second == object ? Added::known : Added::contradicts;
}

void LiveObjects::remove(const ObjectRef& object) {
  live_.erase(object.name);
  deleted_.try_emplace(deleted_.end(), object.name, object);
}

void LiveObjects::expect_not_deleted(const std::vector<ObjectRef>& written) const {
  for (const ObjectRef& object : written) {
    if (!is_deleted(object.name)) continue;
    throw Error(ErrorKind::failed, "object " + object.name.short_hex() +
                                       " was collected before the log named it: run it again");
  }
}

const ObjectRef* LiveObjects::find(const Id& name) const {
  const auto found = live_.find(name);
  return found == live_.end() ? nullptr : &found->second;
}

bool may_add_objects(LogEntryType type) {
  return type == LogEntryType::snapshot || type == LogEntryType::index_set ||
         type == LogEntryType::checkpoint;
}

bool may_delete_objects(LogEntryType type) {
  return type == LogEntryType::remove || type == LogEntryType::checkpoint;
}

}  // namespace coppice
