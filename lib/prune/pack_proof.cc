#include "prune/pack_proof.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace coppice {

/// True if moving a block out of this pack, and so signing for what it holds, tells others nothing
/// that they did not believe anyway. Only owners are believed by all.
bool PackProof::vouches_for(const PackView& pack) const {
  const LogState& state = repository_.state();
  if (repository_.keyring().role() != Role::owner || pack.writer == repository_.keyring().slot() ||
      state.attested.contains(pack.name)) {
    return true;
  }
  const auto certificate = state.certificates.find(pack.writer);
  return certificate != state.certificates.end() && certificate->second.body.role == Role::owner &&
         !state.revoked_from.contains(pack.writer);
}

std::map<Id, std::string> PackProof::find_false(const std::vector<std::size_t>& packs) {
  std::map<std::uint32_t, std::vector<std::size_t>> by_run;
  for (const std::size_t i : packs) {
    const PackView& pack = survey_.live().packs()[i];
    if (!vouches_for(pack)) by_run[pack.run].push_back(i);
  }
  for (const auto& [run, doubtful] : by_run) prove_run(run, doubtful);
  return std::exchange(false_, {});
}

std::vector<std::uint32_t> PackProof::count_claims(std::uint32_t run,
                                                   const std::vector<std::size_t>& packs) const {
  const IndexRun& records = survey_.blocks().index().runs()[run];
  std::vector<bool> is_wanted(records.blocks().size());
  for (const std::size_t i : packs) {
    const PackView& pack = survey_.live().packs()[i];
    for (std::uint32_t b = pack.first_block; b < pack.first_block + pack.block_count; ++b)
      is_wanted[b] = survey_.live().is_live(run, b);
  }
  std::vector<std::uint32_t> counts(records.blocks().size());
  for (const ChunkRecord& chunk : records.chunks()) {
    if (is_wanted[chunk.block]) ++counts[chunk.block];
  }
  return counts;
}

void PackProof::prove_run(std::uint32_t run, const std::vector<std::size_t>& packs) {
  const std::vector<std::uint32_t> counts = count_claims(run, packs);
  const auto blocks = static_cast<std::uint32_t>(counts.size());
  for (std::uint32_t begin = 0, end = 0; begin < blocks; begin = end) {
    std::size_t claims = 0;
    while (end < blocks && (claims == 0 || claims + counts[end] <= chunks_at_once_))
      claims += counts[end++];
    if (claims != 0) prove_blocks(run, begin, end, counts);
  }
}

void PackProof::prove_blocks(std::uint32_t run, std::uint32_t begin, std::uint32_t end,
                             const std::vector<std::uint32_t>& counts) {
  const auto chunks = survey_.blocks().index().runs()[run].chunks();
  std::vector<Claim> claims;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    const std::uint32_t block = chunks[c].block;
    if (block >= begin && block < end && counts[block] != 0)
      claims.push_back({block, static_cast<std::uint32_t>(c)});
  }
  std::stable_sort(claims.begin(), claims.end(),
                   [](const Claim& a, const Claim& b) { return a.block < b.block; });
  const std::span<const Claim> all = claims;
  for (std::size_t at = 0; at < all.size(); at += counts[all[at].block])
    prove_block(run, all.subspan(at, counts[all[at].block]));
}

void PackProof::prove_block(std::uint32_t run, std::span<const Claim> claims) {
  const IndexRun& records = survey_.blocks().index().runs()[run];
  const BlockRecord& block = records.blocks()[claims.front().block];
  const Id& pack = records.packs()[block.pack].name;
  if (false_.contains(pack)) return;
  if (stop_ != nullptr) stop_->check();
  const ChunkIdentity& identity =
      repository_.keyring().identity(static_cast<ChunkClass>(block.chunk_class));
  try {
    const ChunkRecord& first = records.chunks()[claims.front().chunk];
    const RawBlock raw = survey_.blocks().read(
        {&records, run, first.block, first.offset, first.length(), first.is_delta()});
    ++blocks_opened_;
    for (const Claim& claim : claims) {
      const ChunkRecord& chunk = records.chunks()[claim.chunk];
      const bool is_inside = std::uint64_t{chunk.offset} + chunk.length() <= raw.size();
      if (!is_inside ||
          identity.id(ByteView(raw).subspan(chunk.offset, chunk.length())) != chunk.id) {
        throw_damaged("chunk " + chunk.id.short_hex() + " is not what its table says");
      }
    }
  } catch (const Error& error) {  // per item: the pack stays as it is
    if (!error.is_about_bytes()) throw;
    false_.emplace(pack, error.what());
  }
}

}  // namespace coppice
