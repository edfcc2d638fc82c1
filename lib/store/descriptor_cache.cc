#include "store/descriptor_cache.h"

namespace coppice {

DescriptorCache::Handle DescriptorCache::find(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

std::uint64_t DescriptorCache::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

void DescriptorCache::add(const std::string& name, Handle handle, std::uint64_t generation) {
  Handle dropped;  // closed after the lock is released: close can be slow on network file systems
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || by_name_.contains(name)) return;
  entries_.emplace_front(name, std::move(handle));
  by_name_[name] = entries_.begin();
  if (entries_.size() <= capacity_) return;
  dropped = std::move(entries_.back().second);
  by_name_.erase(entries_.back().first);
  entries_.pop_back();
}

void DescriptorCache::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  entries_.erase(found->second);
  by_name_.erase(found);
}

}  // namespace coppice
