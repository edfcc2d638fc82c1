#include "prune/live_packs.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/error.h"
#include "repo/block_mover.h"

namespace coppice {
namespace {

constexpr auto kNotListed = std::numeric_limits<std::uint32_t>::max();

}  // namespace

LivePacks::LivePacks(const Tools& tools, UsedChunks& used, FindingSink& findings)
    : tools_(tools), used_(used), index_(used.index()) {
  const Keyring& keyring = tools.repository.keyring();
  const std::uint64_t epoch = tools.repository.state().newest_epoch();
  opens_all_ = keyring.role() == Role::owner &&
               keyring.class_key(epoch, ChunkClass::data) != nullptr &&
               keyring.class_key(epoch, ChunkClass::metadata) != nullptr;
  list_packs();
  drop_duplicates(findings);
  find_live_blocks();
  keep_bases(findings);
  sum_up();
}

void LivePacks::list_packs() {
  const LogState& state = tools_.repository.state();
  for (std::uint32_t r = 0; r < index_.runs().size(); ++r) {
    const IndexRun& run = index_.runs()[r];
    live_.emplace_back(run.blocks().size());
    auto& at = pack_at_.emplace_back(run.packs().size());
    for (std::uint32_t p = 0; p < run.packs().size(); ++p) {
      // The log has deleted it, and a cached run still tells of it: its file may be there, for a
      // removal can fail, and yet nobody may count on it.
      if (index_.use_of(r, p) == PackUse::absent) {
        at[p] = kNotListed;
        continue;
      }
      const PackRecord& record = run.packs()[p];
      PackView view;
      view.run = r;
      view.name = record.name;
      view.length = record.length;
      view.writer = record.writer;
      view.is_condemned = state.condemned.contains(record.name);
      const auto listed = tools_.listed.find(record.name);
      const bool is_there = listed != tools_.listed.end() && listed->second == record.length;
      const auto damaged = state.damaged.find(record.name);
      view.is_whole = is_there && damaged == state.damaged.end();
      view.has_lost_chunks = is_there && damaged != state.damaged.end() && !damaged->second.empty();
      at[p] = static_cast<std::uint32_t>(packs_.size());
      packs_.push_back(view);
    }
    for (std::uint32_t b = 0; b < run.blocks().size(); ++b) {
      const std::uint32_t position = at[run.blocks()[b].pack];
      if (position == kNotListed) continue;
      PackView& view = packs_[position];
      if (view.block_count++ == 0) view.first_block = b;
    }
  }
}

const ChunkRecord& LivePacks::record_of(const Place& place) const {
  return index_.runs()[place.run].chunks()[place.chunk];
}
const BlockRecord& LivePacks::block_of(const Place& place) const {
  return index_.runs()[place.run].blocks()[record_of(place).block];
}
const PackView& LivePacks::pack_of(const Place& place) const {
  return packs_[pack_at_[place.run][block_of(place).pack]];
}

LivePacks::Places LivePacks::places_of(const Id& id) const {
  Places places;
  for (std::uint32_t r = 0; r < index_.runs().size(); ++r) {
    const IndexRun& run = index_.runs()[r];
    for (const ChunkRecord& chunk : run.find(id)) {
      if (pack_at_[r][run.blocks()[chunk.block].pack] == kNotListed) continue;
      places.push_back({r, static_cast<std::size_t>(&chunk - run.chunks().data())});
    }
  }
  return places;
}

/// Which of two places is the one to keep: not condemned, there, plain; else by name, so that two
/// collectors that see the same choose alike.
bool LivePacks::is_better(const Place& a, const Place& b) const {
  const auto rank = [this](const Place& place) {
    const PackView& pack = pack_of(place);
    const bool is_delta = (block_of(place).encoding & kEncodingDelta) != 0;
    return std::tuple(pack.is_condemned, !pack.is_whole, is_delta, pack.name,
                      block_of(place).offset, record_of(place).offset);
  };
  return rank(a) < rank(b);
}

/// Reads the survivor, so that nothing is dropped in favour of what is forged or rotten.
bool LivePacks::is_proved(const Place& place) {
  const IndexRun& run = index_.runs()[place.run];
  const ChunkRecord& record = record_of(place);
  const BlockRecord& block = block_of(place);
  try {
    if (!opens_all_) {
      read_sealed_block(tools_.repository.store(), pack_of(place).name, block.offset,
                        run.block_info(block));
      return true;
    }
    const auto raw = tools_.blocks.read_cached(
        {&run, place.run, record.block, record.offset, record.length(), record.is_delta()});
    const ChunkIdentity& identity =
        tools_.repository.keyring().identity(static_cast<ChunkClass>(block.chunk_class));
    const ByteView bytes(*raw);
    return std::uint64_t{record.offset} + record.length() <= bytes.size() &&
           identity.id(bytes.subspan(record.offset, record.length())) == record.id;
  } catch (const Error& error) {  // per item: then the other places stay
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
    return false;
  }
}

/// Whoever cannot open blocks goes by the sealed bytes: a table may say of a block what it likes,
/// but not of one with other bytes.
bool LivePacks::may_drop(const Place& place, const Place& survivor) const {
  if (opens_all_) return true;
  return block_of(place).sealed_hash == block_of(survivor).sealed_hash &&
         record_of(place).offset == record_of(survivor).offset &&
         record_of(place).length() == record_of(survivor).length();
}

/// The one of these places for whose sake the others need not stay; nothing if none is good enough,
/// or none of the others may go.
std::optional<LivePacks::Place> LivePacks::find_survivor(const Places& places,
                                                         FindingSink& findings) {
  const Place best =
      *std::min_element(places.begin(), places.end(),
                        [this](const Place& a, const Place& b) { return is_better(a, b); });
  if (pack_of(best).is_condemned || !pack_of(best).is_whole) return std::nullopt;
  const bool has_others = std::any_of(places.begin(), places.end(), [&](const Place& place) {
    return is_dropped_for(place, best);
  });
  if (!has_others) return std::nullopt;
  if (is_proved(best)) return best;
  findings.report({Finding::Weight::damaged, "chunk_damaged",
                   "chunk " + record_of(best).id.short_hex(),
                   "cannot be read in pack " + pack_of(best).name.short_hex() +
                       "; its other places stay; run `coppice verify --read-data`"});
  return std::nullopt;
}

bool LivePacks::is_dropped_for(const Place& place, const Place& survivor) const {
  const bool is_other = place.run != survivor.run || place.chunk != survivor.chunk;
  return is_other && may_drop(place, survivor);
}

void LivePacks::drop_duplicates(FindingSink& findings) {
  for (std::uint32_t r = 0; r < index_.runs().size(); ++r) {
    const auto chunks = index_.runs()[r].chunks();
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      if (!used_.is_used(r, c)) continue;
      const Places places = places_of(chunks[c].id);
      const bool is_first = places.front().run == r && places.front().chunk == c;
      if (places.size() == 1 || !is_first) continue;
      const auto survivor = find_survivor(places, findings);
      if (!survivor) continue;
      for (const Place& place : places) {
        if (is_dropped_for(place, *survivor)) used_.drop(place.run, place.chunk);
      }
    }
  }
}

void LivePacks::find_live_blocks() {
  for (std::uint32_t r = 0; r < index_.runs().size(); ++r) {
    const auto chunks = index_.runs()[r].chunks();
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      if (used_.is_used(r, c)) live_[r][chunks[c].block] = true;
    }
  }
}

/// Deltas need nothing but plain places (depth one), so one pass is enough. A plain place that
/// stays anyway was proved, or is the only one. Else one stays as one of a needed chunk does: if
/// all did, a base that was moved out of a condemned pack would keep that pack, too, and be moved
/// again by each collection.
void LivePacks::keep_bases(FindingSink& findings) {
  std::set<Id> settled;  // of those in several places
  for (std::uint32_t r = 0; r < index_.runs().size(); ++r) {
    const IndexRun& run = index_.runs()[r];
    if (!run.has_bases()) continue;
    for (std::uint32_t b = 0; b < run.blocks().size(); ++b) {
      if (!live_[r][b]) continue;
      for (const BlockBase& base : run.bases(run.blocks()[b])) {
        const Places plain = plain_places_of(base.id);
        const bool is_kept = std::any_of(plain.begin(), plain.end(), [this](const Place& place) {
          return used_.is_used(place.run, place.chunk);
        });
        if (is_kept || (plain.size() > 1 && !settled.insert(base.id).second)) continue;
        keep_base(plain, findings);
      }
    }
  }
}

LivePacks::Places LivePacks::plain_places_of(const Id& id) const {
  Places plain = places_of(id);
  std::erase_if(plain, [this](const Place& place) {
    return (block_of(place).encoding & kEncodingDelta) != 0;
  });
  return plain;
}

bool LivePacks::rests_on_whole_packs(const Place& place) const {
  if (!pack_of(place).is_whole) return false;
  const IndexRun& run = index_.runs()[place.run];
  if (!run.has_bases()) return true;
  const auto& bases = run.bases(block_of(place));
  return std::all_of(bases.begin(), bases.end(), [this](const BlockBase& base) {
    const Places plain = plain_places_of(base.id);
    return std::any_of(plain.begin(), plain.end(),
                       [this](const Place& of_base) { return pack_of(of_base).is_whole; });
  });
}

bool LivePacks::is_whole_without_others() const {
  for (std::uint32_t r = 0; r < index_.runs().size(); ++r) {
    const auto chunks = index_.runs()[r].chunks();
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      if (!used_.is_used(r, c)) continue;
      const Places places = places_of(chunks[c].id);
      const bool is_good = std::any_of(places.begin(), places.end(), [this](const Place& place) {
        return rests_on_whole_packs(place);
      });
      if (!is_good) return false;
    }
  }
  return true;
}

void LivePacks::keep_base(const Places& plain, FindingSink& findings) {
  std::optional<Place> survivor;
  if (plain.size() > 1) survivor = find_survivor(plain, findings);
  for (const Place& place : plain) {
    if (!survivor || !is_dropped_for(place, *survivor))
      live_[place.run][record_of(place).block] = true;
  }
}

void LivePacks::sum_up() {
  for (PackView& pack : packs_) {
    const auto blocks = index_.runs()[pack.run].blocks();
    for (std::uint32_t b = pack.first_block; b < pack.first_block + pack.block_count; ++b) {
      (live_[pack.run][b] ? pack.live_bytes : pack.dead_bytes) += blocks[b].sealed_length;
    }
  }
}

}  // namespace coppice
