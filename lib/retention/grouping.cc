#include "retention/grouping.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/text.h"

namespace coppice {
namespace {

std::vector<std::string> sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

std::string listed(const std::vector<std::string>& texts) {
  if (texts.empty()) return " none";
  std::string list;
  for (const std::string& text : texts) {
    list += ' ';
    list += escape_for_display(text);
  }
  return list;
}

}  // namespace

std::vector<SnapshotGroup> group_snapshots(std::span<const ListedSnapshot* const> snapshots,
                                           const Grouping& grouping) {
  using Key = std::tuple<SlotId, std::string, std::vector<std::string>, std::vector<std::string>>;
  std::map<Key, std::vector<const ListedSnapshot*>> groups;
  for (const ListedSnapshot* snapshot : snapshots) {
    Key key{snapshot->slot, snapshot->record.host, {}, {}};
    if (grouping.by_paths) std::get<2>(key) = sorted(snapshot->record.paths);
    if (grouping.by_tags) std::get<3>(key) = sorted(snapshot->tags);
    groups[std::move(key)].push_back(snapshot);
  }
  std::vector<SnapshotGroup> result;
  for (auto& [key, members] : groups) {
    const auto& [slot, host, paths, tags] = key;
    result.push_back({slot, host, paths, tags, std::move(members)});
  }
  return result;
}

std::string describe(const SnapshotGroup& group, const Grouping& grouping) {
  std::string text = "host " + escape_for_display(group.host);
  if (grouping.by_paths) text += ", paths" + listed(group.paths);
  if (grouping.by_tags) text += ", tags" + listed(group.tags);
  return text;
}

}  // namespace coppice
