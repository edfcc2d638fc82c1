#include "restore/link_table.h"

#include <vector>

#include "restore/tree_walk.h"

namespace coppice {

void LinkTable::take(PlannedEntry& entry, std::uint64_t window) {
  const Metadata& meta = entry.node.meta;
  const LinkKey key{meta.device, meta.inode};
  Record& record = records_.find_or_add(key);
  entry.is_first_name = record.names == 0;
  Live& found = live(key, record, entry);
  found.window = window;
  entry.link = found.source;
  if (++record.names < meta.links) return;
  records_.erase(key);
  live_.erase(key);
}

LinkTable::Live& LinkTable::live(const LinkKey& key, Record& record, const PlannedEntry& entry) {
  const auto [found, is_new] = live_.try_emplace(key);
  Live& live = found->second;
  if (!is_new) return live;
  if (!entry.is_first_name) {
    live.source = bring_back(record);
    return live;
  }
  live.source = std::make_shared<LinkSource>();
  live.source->directory = entry.directory;
  live.source->name = entry.node.name;
  return live;
}

void LinkTable::put_away(std::uint64_t windows_done) {
  if (live_.size() <= max_live_) return;
  std::erase_if(live_, [&](const auto& item) {
    const auto& [key, live] = item;
    if (live.window >= windows_done) return false;
    put_away(key, *live.source);
    return true;
  });
}

void LinkTable::put_away(const LinkKey& key, const LinkSource& source) {
  const std::uint64_t directory = number_of(source.directory);
  const Text name = keep(source.name);
  Record& record = *records_.find(key);
  record.errno_value = source.errno_value;
  record.state = source.state;
  record.keeps_inode = source.keeps_inode;
  record.directory = directory;
  record.name = name;
}

std::shared_ptr<LinkSource> LinkTable::bring_back(const Record& record) {
  auto source = std::make_shared<LinkSource>();
  source->directory = directory_at(record.directory);
  source->name = text_at(record.name);
  source->state = record.state;
  source->keeps_inode = record.keeps_inode;
  source->errno_value = record.errno_value;
  return source;
}

/// Records the directory, and those above it, unless it was.
std::uint64_t LinkTable::number_of(const OutputDirectoryPtr& directory) {
  std::vector<const OutputDirectory*> unknown;
  const OutputDirectory* at = directory.get();
  for (; at->parent != nullptr && at->link_number == 0; at = at->parent.get()) {
    unknown.push_back(at);
    if (at->parent->parent == nullptr) target_ = at->parent;
  }
  std::uint64_t number = at->link_number;
  if (at->parent == nullptr && !target_) target_ = directory;  // then it is the target itself
  for (auto next = unknown.rbegin(); next != unknown.rend(); ++next) {
    const OutputDirectory& each = **next;
    directories_.push_back({number, each.device, each.inode, keep(each.name), each.is_missing});
    number = each.link_number = directories_.size();
  }
  return number;
}

OutputDirectoryPtr LinkTable::directory_at(std::uint64_t number) {
  if (number == 0) return target_;
  if (latest_ && latest_->link_number == number) return latest_;
  std::vector<std::uint64_t> way;
  for (; number != 0; number = directories_[number - 1].parent) way.push_back(number);
  OutputDirectoryPtr directory = target_;
  for (; !way.empty(); way.pop_back()) directory = make_directory(way.back(), directory);
  return latest_ = directory;
}

OutputDirectoryPtr LinkTable::make_directory(std::uint64_t number, OutputDirectoryPtr parent) {
  const DirectoryRecord record = directories_[number - 1];
  auto directory = std::make_shared<OutputDirectory>();
  directory->name = text_at(record.name);
  directory->parent = std::move(parent);
  directory->device = record.device;
  directory->inode = record.inode;
  directory->is_missing = record.is_missing;
  directory->link_number = number;
  return directory;
}

LinkTable::Text LinkTable::keep(const std::string& text) {
  const Text kept{texts_.size(), text.size()};
  texts_.append(text);
  return kept;
}

std::string LinkTable::text_at(const Text& text) const {
  return {texts_.begin() + text.offset, static_cast<std::size_t>(text.length)};
}

}  // namespace coppice
