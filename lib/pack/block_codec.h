#pragma once
#include <functional>
#include <optional>

#include "base/reused_buffer.h"
#include "compress/compressor.h"
#include "pack/block.h"

namespace coppice {

/// Largest share of the plain block's size that a delta may have to be kept
/// (docs/decisions/0006): where its bases are the previous version …
inline constexpr double kDeltaShare = 0.75;
/// … and where they are older, because the previous version is a delta itself: its changes have
/// piled up, and a plain block is a new base for the deltas to come.
inline constexpr double kOldDeltaShare = 0.25;

/// What a block may be made a delta against.
struct DeltaTrial {
  Bytes prefix;  ///< the bytes of info.bases, in order; empty: no trial
  double largest_share = kDeltaShare;
};

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
    UnsetBytes bytes;
  };
  /// Seals `raw`, which holds `info.chunks` in order; the chunk class, cipher, chunks and bases of
  /// `info` are taken over, the rest is filled in. It becomes a delta if that is clearly smaller,
  /// else a plain block without bases. Tries twice; throws Error{failed} if the block still does
  /// not read back.
  Sealed seal(BlockInfo info, ByteView raw, const NextSeal& next_seal,
              const ClassSecret& class_secret, const DeltaTrial& delta = {});

 private:
  /// `bytes` lie in one of the rooms, or are the raw ones.
  struct Encoded {
    std::uint8_t encoding = 0;
    ByteView bytes;
  };
  Encoded encode(ByteView raw, const DeltaTrial& delta);
  Encoded encode_plain(ByteView raw, ReusedBuffer& room);
  /// Nothing if a plain block is not clearly larger.
  std::optional<Encoded> encode_delta(ByteView raw, const DeltaTrial& delta);
  std::size_t estimate_plain(ByteView raw);
  bool reads_back(const BlockInfo& info, ByteView sealed, ByteView raw, const Secret32& key,
                  ByteView prefix);

  Compressor compressor_;
  Decompressor decompressor_;
  ReusedBuffer frame_;   // what is sealed
  ReusedBuffer opened_;  // … as it is read back
  ReusedBuffer plain_;   // … and decompressed; before that, room for a trial
};

/// A block's decompressed bytes, which are written once and not cleared before.
using RawBlock = UnsetBytes;

/// Opens sealed blocks. Not thread-safe: one per worker.
class BlockOpener {
 public:
  /// The raw bytes of a block. `prefix` is the concatenation of its bases' bytes (empty unless it
  /// is a delta). Throws Error{damaged}.
  RawBlock open(const BlockInfo& info, ByteView sealed, const Secret32& class_secret,
                ByteView prefix = {});

  /// Room to read a sealed block into; until the next call.
  MutableByteView room_for_sealed(std::size_t size) { return sealed_.room(size); }

 private:
  Decompressor decompressor_;
  ReusedBuffer sealed_;
  ReusedBuffer encoded_;
};

}  // namespace coppice
