#include "verify/verdicts.h"

#include <map>

namespace coppice {
namespace {

bool is_delta(const BlockRecord& block) { return (block.encoding & kEncodingDelta) != 0; }

}  // namespace

Verdicts::Verdicts(const Index& index)
    : index_(index),
      blocks_(index.runs().empty() ? 0 : index.runs().front().blocks().size(), Verdict::good),
      lacks_base_(blocks_.size()) {}

void Verdicts::mark(std::uint32_t block, Verdict verdict) {
  blocks_[block] = worse(blocks_[block], verdict);
  all_good_ = all_good_ && verdict == Verdict::good;
}

void Verdicts::mark_chunk(std::uint32_t block, std::uint32_t offset) {
  bad_chunks_.emplace(block, offset);
  all_good_ = false;
}

void Verdicts::settle() {
  if (index_.runs().empty()) return;
  const IndexRun& run = index_.runs().front();
  for (std::uint32_t block = 0; block < blocks_.size(); ++block) {
    const BlockRecord& record = run.blocks()[block];
    if (!is_delta(record)) continue;
    for (const BlockBase& base : run.bases(record)) {
      const auto verdict = of_base(static_cast<ChunkClass>(record.chunk_class), base.id);
      if (verdict) {
        mark(block, *verdict);
      } else {
        lacks_base_[block] = true;
      }
    }
  }
}

Verdict Verdicts::of_place(std::uint32_t block, std::uint32_t offset) const {
  const bool is_lost = lacks_base_[block] || bad_chunks_.contains({block, offset});
  return is_lost ? Verdict::lost : blocks_[block];
}

Verdict Verdicts::of_chunk(ChunkClass chunk_class, const Id& id, std::uint64_t length) const {
  Verdict best = Verdict::lost;
  for (const ChunkPlace& place : index_.find(id)) {
    const bool fits = static_cast<ChunkClass>(place.block_record().chunk_class) == chunk_class &&
                      place.length == length;
    if (fits) best = better(best, of_place(place.block, place.offset));
  }
  return best;
}

Verdict Verdicts::of_metadata(const Id& id) const {
  Verdict best = Verdict::lost;
  for (const ChunkPlace& place : index_.find(id))
    best = better(best, of_place(place.block, place.offset));
  return best;
}

std::optional<Verdict> Verdicts::of_base(ChunkClass chunk_class, const Id& id) const {
  std::optional<Verdict> best;
  for (const ChunkPlace& place : index_.find(id)) {
    const BlockRecord& record = place.block_record();
    if (is_delta(record) || static_cast<ChunkClass>(record.chunk_class) != chunk_class) continue;
    best = better(best.value_or(Verdict::lost), of_place(place.block, place.offset));
  }
  return best;
}

std::vector<std::pair<std::uint32_t, Verdict>> Verdicts::bad_blocks() const {
  if (all_good_ || index_.runs().empty()) return {};
  const IndexRun& run = index_.runs().front();
  std::map<std::uint32_t, Verdict> worst;
  for (const ChunkRecord& chunk : run.chunks()) {
    if (!is_bad(chunk.block, chunk.offset)) continue;
    const auto chunk_class = static_cast<ChunkClass>(run.blocks()[chunk.block].chunk_class);
    Verdict& of_block = worst.emplace(chunk.block, Verdict::good).first->second;
    of_block = worse(of_block, of_chunk(chunk_class, chunk.id, chunk.length()));
  }
  return {worst.begin(), worst.end()};
}

}  // namespace coppice
