#pragma once
#include <cstdint>
#include <vector>

#include "base/id.h"

namespace coppice {

/// A set of ids in one flat table (linear probing, at most two thirds full): 32 bytes an entry and
/// no allocation per id. All 32 bytes are compared. Not thread-safe.
class IdSet {
 public:
  /// True if `id` was not there before.
  bool insert(const Id& id);
  bool contains(const Id& id) const;
  std::size_t size() const { return size_ + (has_zero_ ? 1 : 0); }

 private:
  std::size_t slot_of(const Id& id) const;
  void grow();

  std::vector<Id> table_;  // zero = empty; the id that is all zeros is kept in has_zero_
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

}  // namespace coppice
