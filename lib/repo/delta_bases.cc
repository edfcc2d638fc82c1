#include "repo/delta_bases.h"

#include <algorithm>

namespace coppice {
namespace {

constexpr std::size_t kMaxBaseBlocks = 8;

bool overlaps(const ChosenBase& base, std::uint32_t length) {
  return base.offset < std::int64_t{length} && base.offset + base.place.length > 0;
}

bool is_of_class(const ChunkPlace& place, ChunkClass chunk_class) {
  return static_cast<ChunkClass>(place.block_record().chunk_class) == chunk_class;
}

/// The bases of the delta in which the hint's chunk lies.
void add_bases_of(const Index& index, const ChunkPlace& delta, const BaseHint& hint,
                  std::uint32_t length, std::vector<ChosenBase>& chosen) {
  for (const BlockBase& base : delta.run->bases(delta.block_record())) {
    const auto place = index.find_trusted_plain(base.id);
    if (!place) continue;
    const std::int64_t offset =
        hint.offset + std::int64_t{base.position} - std::int64_t{delta.offset};
    const ChosenBase candidate{base.id, *place, offset, true};
    if (overlaps(candidate, length)) chosen.push_back(candidate);
  }
}

}  // namespace

std::vector<ChosenBase> choose_bases(const Index& index, ChunkClass chunk_class,
                                     std::span<const BaseHint> hints, std::uint32_t length) {
  std::vector<ChosenBase> chosen;
  for (const BaseHint& hint : hints) {
    if (const auto plain = index.find_trusted_plain(hint.id)) {
      chosen.push_back({hint.id, *plain, hint.offset, false});
    } else if (const auto delta = index.find_trusted_delta(hint.id)) {
      add_bases_of(index, *delta, hint, length, chosen);
    }
  }
  std::erase_if(chosen,
                [&](const ChosenBase& base) { return !is_of_class(base.place, chunk_class); });
  return chosen;
}

bool BlockBases::Room::is_within_bounds() const {
  return bases <= kMaxBases && bytes <= kMaxPrefixBytes && blocks.size() <= kMaxBaseBlocks;
}

void BlockBases::count(Room& room, const ChosenBase& base) {
  ++room.bases;
  room.bytes += base.place.length;
  room.blocks.insert(base.place.block_key());
}

bool BlockBases::contains(const Id& id) const {
  return std::any_of(list_.begin(), list_.end(),
                     [&](const BlockBase& base) { return base.id == id; });
}

bool BlockBases::has_room_for(std::span<const ChosenBase> bases) const {
  Room room = used_;
  for (const ChosenBase& base : bases) {
    if (!contains(base.id)) count(room, base);
  }
  return room.is_within_bounds();
}

void BlockBases::add(std::span<const ChosenBase> bases, std::uint32_t start, std::uint32_t length) {
  for (const ChosenBase& base : bases) {
    if (contains(base.id)) continue;
    Room room = used_;
    count(room, base);
    if (!room.is_within_bounds()) continue;
    used_ = std::move(room);
    const auto within = std::clamp<std::int64_t>(base.offset, 0, std::int64_t{length} - 1);
    list_.push_back({base.id, start + static_cast<std::uint32_t>(within)});
  }
  if (std::any_of(bases.begin(), bases.end(), [](const ChosenBase& b) { return b.is_old; }))
    old_bytes_ += length;
}

}  // namespace coppice
