#include "index/id_set.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace coppice {
namespace {

constexpr std::size_t kFirstCapacity = 1024;

bool is_before(const Id& a, const Id& b) {
  return std::memcmp(a.bytes.data(), b.bytes.data(), Id::kSize) < 0;
}

ByteView bytes_of(std::span<const Id> ids) {
  return {reinterpret_cast<const std::uint8_t*>(ids.data()), ids.size() * sizeof(Id)};
}

/// Where among `count` ids one would lie: ids are uniformly distributed.
std::size_t likely_position(const Id& id, std::size_t count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(Wide{id.leading()} * count >> 64);
}

}  // namespace

SortedIds::SortedIds(const std::function<void(RegionWriter&)>& write) {
  std::uint64_t size = 0;
  const Fd file = write_scratch_file([&](const Fd& fd) {
    RegionWriter writer(fd, 0);
    write(writer);
    size = writer.offset();
    writer.flush();
  });
  file_ = std::make_unique<MappedFile>(file, static_cast<std::size_t>(size));
  ids_ = {reinterpret_cast<const Id*>(file_->bytes().data()), file_->bytes().size() / sizeof(Id)};
}

/// Gallops from the likely position, which is off by about the root of the count, and searches in
/// what it has fenced in.
bool SortedIds::contains(const Id& id) const {
  if (ids_.empty()) return false;
  const std::size_t guess = likely_position(id, ids_.size());
  std::size_t low = guess;
  std::size_t high = guess;
  for (std::size_t step = 16; low > 0 && is_before(id, ids_[low]); step *= 2)
    low = low > step ? low - step : 0;
  for (std::size_t step = 16; high < ids_.size() && !is_before(id, ids_[high]); step *= 2)
    high = std::min(ids_.size(), high + step);
  return std::binary_search(ids_.begin() + static_cast<std::ptrdiff_t>(low),
                            ids_.begin() + static_cast<std::ptrdiff_t>(high), id, is_before);
}

std::size_t IdSet::slot_of(const Id& id) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(id.hash()) & mask;
  while (!table_[slot].is_zero() && table_[slot] != id) slot = (slot + 1) & mask;
  return slot;
}

bool IdSet::insert(const Id& id) {
  if (id.is_zero()) return !std::exchange(has_zero_, true);
  if (is_in_table(id) || is_spilled(id)) return false;
  if (size_ >= limit_) spill();
  if (size_ * 3 >= table_.size() * 2) grow();
  table_[slot_of(id)] = id;
  ++size_;
  return true;
}

bool IdSet::contains(const Id& id) const {
  return id.is_zero() ? has_zero_ : is_in_table(id) || is_spilled(id);
}

bool IdSet::is_in_table(const Id& id) const {
  return !table_.empty() && !table_[slot_of(id)].is_zero();
}

bool IdSet::is_spilled(const Id& id) const {
  return std::any_of(spilled_.begin(), spilled_.end(),
                     [&](const SortedIds& part) { return part.contains(id); });
}

void IdSet::grow() {
  std::vector<Id> old = std::exchange(table_, {});
  table_.resize(old.empty() ? kFirstCapacity : old.size() * 2);
  for (const Id& id : old) {
    if (!id.is_zero()) table_[slot_of(id)] = id;
  }
}

void IdSet::spill() {
  const auto end =
      std::remove_if(table_.begin(), table_.end(), [](const Id& id) { return id.is_zero(); });
  std::sort(table_.begin(), end, is_before);
  const std::span<const Id> ids(table_.begin(), end);
  spilled_.emplace_back([&](RegionWriter& out) { out.append(bytes_of(ids)); });
  spilled_size_ += size_;
  size_ = 0;
  std::fill(table_.begin(), table_.end(), Id{});
  while (spilled_.size() > 1 && spilled_.end()[-2].ids().size() < 2 * spilled_.back().ids().size())
    merge_last_two();
}

void IdSet::merge_last_two() {
  SortedIds merged([this](RegionWriter& out) {
    std::span<const Id> a = spilled_.end()[-2].ids();
    std::span<const Id> b = spilled_.back().ids();
    while (!a.empty() && !b.empty()) {
      std::span<const Id>& first = is_before(a.front(), b.front()) ? a : b;
      out.append(bytes_of(first.first(1)));
      first = first.subspan(1);
    }
    out.append(bytes_of(a));
    out.append(bytes_of(b));
  });
  spilled_.pop_back();
  spilled_.back() = std::move(merged);
}

}  // namespace coppice
