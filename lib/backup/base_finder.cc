#include "backup/base_finder.h"

#include <algorithm>

#include "base/error.h"

namespace coppice {
namespace {

/// Old extents that are known behind and ahead of the place that is looked at.
constexpr std::size_t kWindowChunks = 16384;
/// Of a chunk that the old version has more than once (zeros, say): it says nothing of a drift.
constexpr std::uint64_t kManyPlaces = ~std::uint64_t{0};
/// So far behind its old end appended data takes the last old chunk as base; more of it compresses
/// as well by itself, in larger blocks.
constexpr std::int64_t kTailReach = 256 << 10;
/// More hints than this for one piece are the crumbs of a file that was cut otherwise.
constexpr std::size_t kMaxHints = 32;

}  // namespace

BaseFinder::BaseFinder(MetadataSource* source, const Node* old) {
  if (source != nullptr && old != nullptr && old->meta.type == FileType::regular)
    cursor_.emplace(*source, *old);
}

void BaseFinder::take_next() {
  const ContentExtent* extent = cursor_->next();
  if (extent == nullptr) {
    cursor_.reset();
    return;
  }
  if (!extent->is_hole) {
    window_.push_back({extent->id, next_offset_, extent->length});
    const auto [known, is_new] = offset_of_.emplace(extent->id, next_offset_);
    if (!is_new) known->second = kManyPlaces;
  }
  next_offset_ += extent->length;
}

void BaseFinder::drop_oldest() {
  if (window_.size() <= kWindowChunks) return;
  const OldChunk& oldest = window_.front();
  const auto known = offset_of_.find(oldest.id);
  const bool is_spent =
      known != offset_of_.end() && (known->second == oldest.offset || known->second == kManyPlaces);
  if (is_spent) offset_of_.erase(known);
  window_.pop_front();
}

std::size_t BaseFinder::chunks_from(std::uint64_t offset) const {
  const auto first = std::lower_bound(
      window_.begin(), window_.end(), offset,
      [](const OldChunk& chunk, std::uint64_t place) { return chunk.offset < place; });
  return static_cast<std::size_t>(window_.end() - first);
}

/// Takes extents until half a window of them lies ahead of `offset` in the old version.
void BaseFinder::move_to(std::uint64_t offset) {
  try {
    for (std::size_t ahead = chunks_from(offset); cursor_ && ahead < kWindowChunks / 2;) {
      take_next();
      drop_oldest();
      if (next_offset_ > offset) ++ahead;
    }
  } catch (const Error& error) {  // per item: without the old version the file is stored plain
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
    cursor_.reset();
  }
}

/// Of each piece that both versions have: how far it has moved.
std::vector<std::optional<std::int64_t>> BaseFinder::drifts_of(std::span<const Piece> pieces,
                                                               std::uint64_t offset) const {
  std::vector<std::optional<std::int64_t>> drifts;
  for (const Piece& piece : pieces) {
    std::optional<std::int64_t> drift;
    if (!piece.is_hole) {
      const auto found = offset_of_.find(piece.id);
      if (found != offset_of_.end() && found->second != kManyPlaces)
        drift = static_cast<std::int64_t>(offset - found->second);
    }
    drifts.push_back(drift);
    offset += piece.length;
  }
  return drifts;
}

/// What was appended has no older version, but a few lines of a log are like those before them.
void BaseFinder::add_last_chunk(std::int64_t old_offset, std::vector<BaseHint>& hints) const {
  const std::int64_t behind_end = old_offset - static_cast<std::int64_t>(next_offset_);
  if (cursor_ || window_.empty() || behind_end < 0 || behind_end >= kTailReach) return;
  const OldChunk& last = window_.back();
  hints.push_back({last.id, static_cast<std::int64_t>(last.offset) - old_offset});
}

void BaseFinder::add_hints(std::uint64_t offset, std::uint64_t length, std::int64_t drift,
                           std::vector<BaseHint>& hints) const {
  const auto begin = static_cast<std::int64_t>(offset) - drift;
  const auto end = begin + static_cast<std::int64_t>(length);
  auto chunk = std::lower_bound(
      window_.begin(), window_.end(), begin, [](const OldChunk& old, std::int64_t place) {
        return static_cast<std::int64_t>(old.offset + old.length) <= place;
      });
  for (; chunk != window_.end() && hints.size() < kMaxHints; ++chunk) {
    const auto start = static_cast<std::int64_t>(chunk->offset);
    if (start >= end) return;
    const auto is_same = [&](const BaseHint& hint) { return hint.id == chunk->id; };
    if (std::none_of(hints.begin(), hints.end(), is_same))
      hints.push_back({chunk->id, start - begin});
  }
}

std::vector<std::vector<BaseHint>> BaseFinder::find(std::span<const Piece> pieces,
                                                    std::uint64_t offset) {
  std::vector<std::vector<BaseHint>> hints(pieces.size());
  if (!cursor_ && window_.empty()) return hints;
  move_to(static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, static_cast<std::int64_t>(offset) - drift_)));
  const auto drifts = drifts_of(pieces, offset);
  for (std::size_t i = 0; i < pieces.size(); offset += pieces[i].length, ++i) {
    if (drifts[i]) drift_ = *drifts[i];
    if (drifts[i] || pieces[i].is_hole) continue;
    add_hints(offset, pieces[i].length, drift_, hints[i]);
    const auto next = std::find_if(drifts.begin() + static_cast<std::ptrdiff_t>(i), drifts.end(),
                                   [](const auto& drift) { return drift.has_value(); });
    if (next != drifts.end() && **next != drift_)
      add_hints(offset, pieces[i].length, **next, hints[i]);
    if (hints[i].empty()) add_last_chunk(static_cast<std::int64_t>(offset) - drift_, hints[i]);
  }
  return hints;
}

}  // namespace coppice
