#pragma once
#include "repo/block_source.h"
#include "repo/keyring.h"

namespace coppice {

class MovedChunks;

/// Gets chunks by id, proving each by its id. A chunk with several places is tried at each until
/// the bytes match, so a forged or damaged place does no harm while a good one is left. Blocks come
/// through the source's cache, for trees that are read in order. Thread-safe.
class ChunkReader {
 public:
  /// `moved` is asked for what is to be had nowhere; may be null.
  ChunkReader(BlockSource& blocks, const Keyring& keyring, MovedChunks* moved = nullptr)
      : blocks_(blocks), keyring_(keyring), moved_(moved) {}

  /// Throws Error{damaged} if no place has the chunk, Error{no_key} if this slot may not read the
  /// class.
  Bytes get(ChunkClass chunk_class, const Id& id);

 private:
  BlockSource& blocks_;
  const Keyring& keyring_;
  MovedChunks* moved_;
};

}  // namespace coppice
