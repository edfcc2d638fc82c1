#include "repo/block_cache.h"

#include <utility>

namespace coppice {

std::shared_future<BlockCache::Block> BlockCache::Entries::find_or_add(
    std::uint64_t key, const std::shared_future<Block>& coming, bool& is_new) {
  const auto found = by_key_.find(key);
  is_new = found == by_key_.end();
  if (!is_new) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->block;
  }
  entries_.push_front({key, 0, coming});
  by_key_[key] = entries_.begin();
  return coming;
}

/// Makes room from the oldest on, but for what is being opened and the entry itself.
void BlockCache::Entries::settle(std::uint64_t key, std::uint64_t size) {
  by_key_.at(key)->size = size;
  size_ += size;
  for (auto entry = entries_.end(); size_ > capacity_ && entry != entries_.begin();) {
    --entry;
    if (entry->size == 0 || entry->key == key) continue;
    size_ -= entry->size;
    by_key_.erase(entry->key);
    entry = entries_.erase(entry);
  }
}

void BlockCache::Entries::drop(std::uint64_t key) {
  const auto found = by_key_.find(key);
  entries_.erase(found->second);
  by_key_.erase(found);
}

BlockCache::Block BlockCache::get(std::uint64_t key, const std::function<RawBlock()>& load) {
  std::promise<Block> promise;
  bool is_new = false;
  const std::shared_future<Block> block = entries_.with([&](Entries& entries) {
    return entries.find_or_add(key, promise.get_future().share(), is_new);
  });
  if (!is_new) {
    if (const Block opened = block.get()) return opened;
    return std::make_shared<const RawBlock>(load());  // the other thread failed: see for itself
  }
  try {
    auto loaded = std::make_shared<const RawBlock>(load());
    entries_.with([&](Entries& entries) { entries.settle(key, loaded->size()); });
    promise.set_value(loaded);
    return loaded;
  } catch (...) {
    // Those that wait get no block instead of this error: an exception stays in its thread.
    entries_.with([&](Entries& entries) { entries.drop(key); });
    promise.set_value(nullptr);
    throw;
  }
}

}  // namespace coppice
