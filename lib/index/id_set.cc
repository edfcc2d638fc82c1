#include "index/id_set.h"

#include <utility>

namespace coppice {
namespace {

constexpr std::size_t kFirstCapacity = 1024;

}  // namespace

std::size_t IdSet::slot_of(const Id& id) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(id.hash()) & mask;
  while (!table_[slot].is_zero() && table_[slot] != id) slot = (slot + 1) & mask;
  return slot;
}

bool IdSet::insert(const Id& id) {
  if (id.is_zero()) return !std::exchange(has_zero_, true);
  if (size_ * 3 >= table_.size() * 2) grow();
  Id& slot = table_[slot_of(id)];
  if (!slot.is_zero()) return false;
  slot = id;
  ++size_;
  return true;
}

bool IdSet::contains(const Id& id) const {
  if (id.is_zero()) return has_zero_;
  return !table_.empty() && !table_[slot_of(id)].is_zero();
}

void IdSet::grow() {
  std::vector<Id> old = std::exchange(table_, {});
  table_.resize(old.empty() ? kFirstCapacity : old.size() * 2);
  for (const Id& id : old) {
    if (!id.is_zero()) table_[slot_of(id)] = id;
  }
}

}  // namespace coppice
