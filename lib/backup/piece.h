#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "chunk/chunker.h"
#include "crypto/hash.h"

namespace coppice {

/// A run of a file's content in order: a chunk whose bytes lie in a buffer, or a hole.
struct Piece {
  bool is_hole = false;
  Id id;                     ///< of a chunk
  std::uint32_t offset = 0;  ///< of a chunk's bytes in the buffer that came with it
  std::uint64_t length = 0;
};

/// What cuts and names data chunks. Shared by all readers, const.
struct CutRule {
  const Chunker& chunker;
  const ChunkIdentity& identity;
};

/// Cuts `data`, which begins at a chunk's start and lies at `offset` of the buffer. Appends a piece
/// per chunk and returns the bytes used: all of them if the content ends with `data` (or a hole
/// follows), else up to the last certain cut.
std::size_t cut_pieces(const CutRule& rule, ByteView data, std::uint32_t offset, bool at_end,
                       std::vector<Piece>& pieces);

}  // namespace coppice
