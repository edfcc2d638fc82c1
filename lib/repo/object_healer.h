#pragma once
#include <cstdint>
#include <list>
#include <set>
#include <utility>

#include "parity/range_healer.h"
#include "repo/log_entry.h"
#include "store/store.h"
#include "task/guarded.h"

namespace coppice {

/// Reads parts of large objects whose bytes are damaged as their parity has them, without writing
/// anything (docs/format.md, section 11). It proves nothing: block, table or hash must be right
/// afterwards.
///
/// Thread-safe; one thread heals at a time. What was learnt of a damaged object is kept, so that it
/// is not rebuilt anew for each block, as long as all of it together stays below kHeldBytes (one
/// object is kept in any case: 5 MiB for a pack of 64 MiB with 3 % of parity).
class ObjectHealer {
 public:
  explicit ObjectHealer(Store& store) : store_(store) {}

  static constexpr std::uint64_t kHeldBytes = 16ULL << 20;

  /// Fills `out` with the object's bytes from `offset` on, as they were. False if there was nothing
  /// to heal there, if the object has no parity, or if that cannot heal it; `out` is then
  /// undefined.
  bool read(const ObjectRef& object, std::uint64_t offset, MutableByteView out);

 private:
  /// The one used last comes first.
  struct State {
    std::list<std::pair<Id, RangeHealer>> healers;
    std::set<Id> hopeless;  // missing, or without parity that is of use
  };
  RangeHealer* find_or_open(State& state, const ObjectRef& object);
  static void make_room(State& state);

  Store& store_;
  Guarded<State> state_;
};

}  // namespace coppice
