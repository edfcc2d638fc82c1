#pragma once
#include <deque>
#include <span>

#include "restore/output_file.h"

namespace coppice {

/// One chunk in a block, and where in a file it goes.
struct ChunkPlacement {
  ChunkPlace place;
  std::uint32_t file = 0;  ///< position among the files
  std::uint64_t file_offset = 0;
  Id id;
};

/// Reads, opens and decompresses the block of `place` once and writes its chunks to all their
/// places: `placements`, all in this block, grouped by file. Each chunk is proved by its id before
/// it is written; one that fails is looked for at its other places, and if it is nowhere to be had,
/// its pieces are lost. Memory: the raw block, and chunks from elsewhere. Called on workers. Throws
/// only what ends the restore.
void write_block(RestoreContext& context, std::deque<OutputFile>& files, const ChunkPlace& place,
                 std::span<const ChunkPlacement> placements);

}  // namespace coppice
