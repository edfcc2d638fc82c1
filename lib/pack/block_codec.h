#pragma once
#include <functional>

#include "compress/compressor.h"
#include "pack/block.h"

namespace coppice {

/// Makes sealed blocks and proves each before it is given away: the sealed bytes are opened,
/// decompressed and compared with the input (peers lost data to a compressor bug and to bad
/// memory). Not thread-safe: one per worker.
class BlockSealer {
 public:
  explicit BlockSealer(int compression_level) : compressor_(compression_level) {}

  /// Draws the next (ordinal, counter) of the session's class; called once per attempt, so that a
  /// repeated attempt never reuses a nonce.
  using NextSeal = std::function<BlockSeal(ChunkClass)>;
  using ClassSecret = std::function<const Secret32&(ChunkClass)>;

  struct Sealed {
    BlockInfo info;
    Bytes bytes;
  };
  /// Seals `raw`, which holds `info.chunks` in order; the chunk class, cipher and chunks of `info`
  /// are taken over, the rest is filled in. Tries twice; throws Error{failed} if the block still
  /// does not read back.
  Sealed seal(BlockInfo info, ByteView raw, const NextSeal& next_seal,
              const ClassSecret& class_secret);

 private:
  Bytes encode(BlockInfo& info, ByteView raw);
  bool reads_back(const BlockInfo& info, ByteView sealed, ByteView raw, const Secret32& key);

  Compressor compressor_;
  Decompressor decompressor_;
};

/// Opens sealed blocks. Not thread-safe: one per worker.
class BlockOpener {
 public:
  /// The raw bytes of a block. `prefix` is the concatenation of its bases' bytes (empty unless it
  /// is a delta). Throws Error{damaged}.
  Bytes open(const BlockInfo& info, ByteView sealed, const Secret32& class_secret,
             ByteView prefix = {});

 private:
  Decompressor decompressor_;
};

}  // namespace coppice
