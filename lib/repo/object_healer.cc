#include "repo/object_healer.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "repo/healing.h"

namespace coppice {

RangeHealer* ObjectHealer::find_or_open(State& state, const ObjectRef& object) {
  if (object.side != Side::parity || state.hopeless.contains(object.name)) return nullptr;
  const auto found = std::find_if(state.healers.begin(), state.healers.end(),
                                  [&](const auto& each) { return each.first == object.name; });
  if (found != state.healers.end()) {
    state.healers.splice(state.healers.begin(), state.healers, found);
    return &found->second;
  }
  const ObjectReader reader{store_, piece_bytes_for(1), nullptr, [](std::uint64_t) {}};
  ParityRead parity;
  if (store_.size(object_name(object))) parity = read_parity_file(reader, object);
  if (!parity.file) {
    state.hopeless.insert(object.name);
    return nullptr;
  }
  state.healers.emplace_front(object.name, RangeHealer(std::move(*parity.file)));
  return &state.healers.front().second;
}

void ObjectHealer::make_room(State& state) {
  std::uint64_t held = 0;
  for (const auto& [name, healer] : state.healers) held += healer.held_bytes();
  while (held > kHeldBytes && state.healers.size() > 1) {
    held -= state.healers.back().second.held_bytes();
    state.healers.pop_back();
  }
}

bool ObjectHealer::read(const ObjectRef& object, std::uint64_t offset, MutableByteView out) {
  if (offset > object.length || out.size() > object.length - offset) return false;
  return state_.with([&](State& state) {
    RangeHealer* healer = find_or_open(state, object);
    if (healer == nullptr) return false;
    const std::string file = object_name(object);
    const auto read_sector = [&](std::uint64_t sector, MutableByteView bytes) {
      try {
        store_.read(file, sector * ParityGeometry::kSectorBytes, bytes);
        return true;
      } catch (const Error& error) {  // per sector: parity may have it
        if (error.kind() != ErrorKind::damaged) throw;
        return false;
      }
    };
    const bool is_healed = healer->read(offset, out, read_sector) == RangeHealer::Outcome::healed;
    make_room(state);
    return is_healed;
  });
}

}  // namespace coppice
