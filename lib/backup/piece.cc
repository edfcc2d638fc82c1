#include "backup/piece.h"

namespace coppice {

std::size_t cut_pieces(const CutRule& rule, ByteView data, std::uint32_t offset, bool at_end,
                       std::vector<Piece>& pieces) {
  std::size_t used = 0;
  while (used < data.size()) {
    const ByteView rest = data.subspan(used);
    // A cut is certain with max_chunk_size() bytes in view; with fewer, wait for more.
    if (!at_end && rest.size() < rule.chunker.max_chunk_size()) break;
    const std::size_t length = rule.chunker.next_cut(rest, at_end);
    const ByteView chunk = rest.first(length);
    pieces.push_back(
        {false, rule.identity.id(chunk), offset + static_cast<std::uint32_t>(used), length});
    used += length;
  }
  return used;
}

}  // namespace coppice
