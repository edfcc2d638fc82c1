#include "index/index.h"

namespace coppice {

void Index::add(IndexRun run, const std::function<PackUse(const PackRecord&)>& judge) {
  std::vector<PackUse> uses;
  uses.reserve(run.packs().size());
  for (const PackRecord& pack : run.packs()) uses.push_back(judge(pack));
  runs_.push_back(std::move(run));
  uses_.push_back(std::move(uses));
}

PackUse Index::use_of_place(std::uint32_t run_number, const ChunkRecord& chunk) const {
  const IndexRun& run = runs_[run_number];
  const std::uint32_t pack = run.blocks()[chunk.block].pack;
  if (!damaged_.empty() && damaged_.contains({run.packs()[pack].name, chunk.id}))
    return PackUse::absent;
  return uses_[run_number][pack];
}

bool Index::is_stored(const Id& id) const {
  for (std::uint32_t r = 0; r < runs_.size(); ++r) {
    for (const ChunkRecord& chunk : runs_[r].find(id)) {
      if (use_of_place(r, chunk) == PackUse::trusted) return true;
    }
  }
  return false;
}

std::vector<ChunkPlace> Index::find(const Id& id) const {
  std::vector<ChunkPlace> plain;
  std::vector<ChunkPlace> deltas;
  for (std::uint32_t r = 0; r < runs_.size(); ++r) {
    const IndexRun& run = runs_[r];
    for (const ChunkRecord& chunk : run.find(id)) {
      const BlockRecord& block = run.blocks()[chunk.block];
      if (use_of_place(r, chunk) == PackUse::absent) continue;
      const bool is_delta = (block.encoding & kEncodingDelta) != 0;
      (is_delta ? deltas : plain).push_back({&run, r, chunk.block, chunk.offset, chunk.length});
    }
  }
  plain.insert(plain.end(), deltas.begin(), deltas.end());
  return plain;
}

std::optional<ChunkPlace> Index::find_first(const Id& id) const {
  const std::vector<ChunkPlace> places = find(id);
  if (places.empty()) return std::nullopt;
  return places.front();
}

std::uint64_t Index::chunk_count() const {
  std::uint64_t total = 0;
  for (const IndexRun& run : runs_) total += run.chunks().size();
  return total;
}

}  // namespace coppice
