#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "fs/scratch_memory.h"

namespace coppice {

/// What tells a file by, whatever its names.
struct LinkKey {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const LinkKey&) const = default;
};

/// What is known of files with several names, by device and inode: open addressing in scratch
/// memory, so that a snapshot of millions of them takes a bounded amount of private memory. A value
/// is there until it is erased. Not thread-safe.
template <typename Value>
class LinkMap {
 public:
  explicit LinkMap(std::size_t heap_bytes) : heap_bytes_(heap_bytes), slots_(heap_bytes) {}

  /// Null if there is none. Valid until the next call that is not const.
  Value* find(const LinkKey& key) {
    if (size_ == 0) return nullptr;
    Slot& slot = slots_[slot_of(slots_, key)];
    return slot.is_used ? &slot.value : nullptr;
  }
  /// A new value is Value{}.
  Value& find_or_add(const LinkKey& key) {
    if (3 * (size_ + 1) > 2 * slots_.size()) grow();
    Slot& slot = slots_[slot_of(slots_, key)];
    if (!slot.is_used) {
      slot = {key, Value{}, true};
      ++size_;
    }
    return slot.value;
  }
  /// Requires that it is there.
  void erase(const LinkKey& key);

  std::size_t size() const { return size_; }
  bool is_spilled() const { return slots_.is_spilled(); }

 private:
  struct Slot {
    LinkKey key;
    Value value;
    bool is_used;
  };
  using Slots = ScratchVector<Slot>;

  static std::size_t home_of(const Slots& slots, const LinkKey& key) {
    constexpr std::uint64_t kOdd = 0x9E37'79B9'7F4A'7C15;  // 2^64 / golden ratio
    const std::uint64_t mixed = (key.inode * kOdd ^ key.device) * kOdd;
    return static_cast<std::size_t>(mixed >> 32) & (slots.size() - 1);
  }
  static std::size_t slot_of(const Slots& slots, const LinkKey& key) {
    std::size_t at = home_of(slots, key);
    while (slots[at].is_used && !(slots[at].key == key)) at = (at + 1) & (slots.size() - 1);
    return at;
  }
  void grow();

  std::size_t heap_bytes_;
  Slots slots_;  // a power of two, at most two thirds used
  std::size_t size_ = 0;
};

template <typename Value>
void LinkMap<Value>::grow() {
  Slots larger(heap_bytes_);
  larger.resize(slots_.empty() ? 64 : 2 * slots_.size());
  for (const Slot& slot : slots_) {
    if (slot.is_used) larger[slot_of(larger, slot.key)] = slot;
  }
  slots_ = std::move(larger);
}

template <typename Value>
void LinkMap<Value>::erase(const LinkKey& key) {
  std::size_t hole = slot_of(slots_, key);
  --size_;
  // What was pushed behind the hole by others moves up, so that nobody is looked for in vain.
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = (hole + 1) & mask; slots_[at].is_used; at = (at + 1) & mask) {
    const std::size_t home = home_of(slots_, slots_[at].key);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole].is_used = false;
}

}  // namespace coppice
