#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/id.h"
#include "fs/scratch_file.h"

namespace coppice {

/// Ids in ascending order in a scratch file. Const and thread-safe.
class SortedIds {
 public:
  /// `write` appends the ids, each once and in order.
  explicit SortedIds(const std::function<void(RegionWriter&)>& write);

  bool contains(const Id& id) const;
  std::span<const Id> ids() const { return ids_; }

 private:
  std::unique_ptr<MappedFile> file_;
  std::span<const Id> ids_;
};

/// A set of ids within a fixed private memory: the newest in a flat table (linear probing, at most
/// two thirds full), older ones spilled into sorted scratch files, which are merged when two are of
/// about one size. All 32 bytes are compared. Not thread-safe.
class IdSet {
 public:
  /// Spills when the table holds so many ids: 16 MiB, and 8 more while it grows.
  static constexpr std::size_t kIdsInMemory = 1 << 18;

  explicit IdSet(std::size_t ids_in_memory = kIdsInMemory) : limit_(ids_in_memory) {}

  /// True if `id` was not there before.
  bool insert(const Id& id);
  bool contains(const Id& id) const;
  std::size_t size() const { return size_ + spilled_size_ + (has_zero_ ? 1 : 0); }

 private:
  std::size_t slot_of(const Id& id) const;
  bool is_in_table(const Id& id) const;
  bool is_spilled(const Id& id) const;
  void grow();
  void spill();
  void merge_last_two();

  std::size_t limit_;
  std::vector<Id> table_;  // zero = empty; the id that is all zeros is kept in has_zero_
  std::size_t size_ = 0;   // of the table
  bool has_zero_ = false;
  std::vector<SortedIds> spilled_;  // disjoint, each at least twice as large as the next
  std::size_t spilled_size_ = 0;
};

}  // namespace coppice
