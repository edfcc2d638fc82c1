#include "index/index.h"

#include <algorithm>

namespace coppice {

void Index::add(IndexRun run, const std::function<PackUse(const PackRecord&)>& judge) {
  std::vector<PackUse> uses;
  uses.reserve(run.packs().size());
  for (const PackRecord& pack : run.packs()) uses.push_back(judge(pack));
  wholly_trusted_.push_back(
      std::all_of(uses.begin(), uses.end(), [](PackUse use) { return use == PackUse::trusted; }));
  relied_on_.push_back(std::make_unique<FlagTable>(run.blocks().size()));
  runs_.push_back(std::move(run));
  uses_.push_back(std::move(uses));
}

bool Index::is_marked(std::uint32_t run_number, const ChunkRecord& chunk) const {
  if (damaged_.empty()) return false;
  const IndexRun& run = runs_[run_number];
  return damaged_.contains({run.packs()[run.blocks()[chunk.block].pack].name, chunk.id});
}

PackUse Index::use_of_place(std::uint32_t run_number, const ChunkRecord& chunk) const {
  const IndexRun& run = runs_[run_number];
  if (!run.has_proved_block(chunk)) return PackUse::absent;
  return uses_[run_number][run.blocks()[chunk.block].pack];
}

template <typename IsWanted>
std::optional<ChunkPlace> Index::find_trusted(const Id& id, const IsWanted& is_wanted) const {
  for (std::uint32_t r = 0; r < runs_.size(); ++r) {
    for (const ChunkRecord& chunk : runs_[r].find(id)) {
      const ChunkPlace place{&runs_[r],       r, chunk.block, chunk.offset, chunk.length(),
                             chunk.is_delta()};
      if (!is_trusted(r, chunk) || !is_wanted(place)) continue;
      relied_on_[r]->raise(chunk.block);
      return place;
    }
  }
  return std::nullopt;
}

std::optional<ChunkPlace> Index::find_trusted_plain(const Id& id) const {
  return find_trusted(id, [](const ChunkPlace& place) { return !place.is_delta(); });
}

std::optional<ChunkPlace> Index::find_trusted_delta(const Id& id) const {
  return find_trusted(
      id, [this](const ChunkPlace& place) { return place.is_delta() && can_open(place); });
}

bool Index::can_open(const ChunkPlace& delta) const {
  const auto bases = delta.run->bases(delta.block_record());
  return std::all_of(bases.begin(), bases.end(),
                     [this](const auto& base) { return find_trusted_plain(base.id).has_value(); });
}

void Index::expect(const Id& id) const {
  for (const IndexRun& run : runs_) run.expect(id);
}

bool Index::is_stored(const Id& id) const {
  for (std::uint32_t r = 0; r < runs_.size(); ++r) {
    for (const ChunkRecord& chunk : runs_[r].find(id)) {
      if (!holds(r, chunk)) continue;
      relied_on_[r]->raise(chunk.block);
      return true;
    }
  }
  return false;
}

/// Most places can be told to do without a look at their block.
bool Index::holds(std::uint32_t run_number, const ChunkRecord& chunk) const {
  if (!chunk.is_delta() && is_wholly_trusted(run_number)) return true;
  if (!is_trusted(run_number, chunk)) return false;
  return !chunk.is_delta() || can_open({&runs_[run_number], run_number, chunk.block, chunk.offset,
                                        chunk.length(), true});
}

std::vector<ChunkPlace> Index::find(const Id& id) const {
  std::vector<ChunkPlace> plain;
  std::vector<ChunkPlace> deltas;
  std::vector<ChunkPlace> marked;
  for (std::uint32_t r = 0; r < runs_.size(); ++r) {
    const IndexRun& run = runs_[r];
    for (const ChunkRecord& chunk : run.find(id)) {
      if (use_of_place(r, chunk) == PackUse::absent) continue;
      const ChunkPlace place{&run, r, chunk.block, chunk.offset, chunk.length(), chunk.is_delta()};
      (is_marked(r, chunk) ? marked : place.is_delta() ? deltas : plain).push_back(place);
    }
  }
  plain.insert(plain.end(), deltas.begin(), deltas.end());
  plain.insert(plain.end(), marked.begin(), marked.end());
  return plain;
}

std::optional<ChunkPlace> Index::find_first(const Id& id) const {
  const std::vector<ChunkPlace> places = find(id);
  if (places.empty()) return std::nullopt;
  return places.front();
}

bool Index::has_deltas() const {
  return std::any_of(runs_.begin(), runs_.end(),
                     [](const IndexRun& run) { return run.has_bases(); });
}

std::uint64_t Index::chunk_count() const {
  std::uint64_t total = 0;
  for (const IndexRun& run : runs_) total += run.chunks().size();
  return total;
}

}  // namespace coppice
