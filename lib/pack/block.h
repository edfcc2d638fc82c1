#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "crypto/aead.h"

namespace coppice {

/// What a chunk holds: file contents, or names and trees. The classes have keys of their own
/// (docs/format.md, section 4).
enum class ChunkClass : std::uint8_t { data = 0, metadata = 1 };

/// Largest raw block that a reader accepts, bytes (docs/format.md, section 7).
inline constexpr std::uint32_t kMaxBlockBytes = 32U << 20;
/// Largest base prefix of a delta block, bytes.
inline constexpr std::uint32_t kMaxPrefixBytes = 4U << 20;
inline constexpr std::size_t kMaxBases = 256;
/// Bits of `encoding`.
inline constexpr std::uint8_t kEncodingZstd = 1;
inline constexpr std::uint8_t kEncodingDelta = 2;

/// One chunk inside a block, in table order; offsets are the sums of the lengths before.
struct ChunkEntry {
  Id id;
  std::uint32_t length = 0;
};

/// A plain chunk of the same class whose bytes are part of a delta block's prefix.
struct BlockBase {
  Id id;
  /// Where in the block's raw bytes those begin that it is the older version of: below raw_length.
  /// For writers, who find a chunk's base by it; readers need not look.
  std::uint32_t position = 0;

  bool operator==(const BlockBase&) const = default;
};
static_assert(sizeof(BlockBase) == 36);

/// Who sealed a block and with which number: with the class secret of the session this gives key
/// and nonce. The triple (session, ordinal, counter) is used for one block in the life of a class
/// secret.
struct BlockSeal {
  Id session;
  std::uint64_t ordinal = 0;
  std::uint64_t counter = 0;
};

/// All that is known of a block apart from where it lies.
struct BlockInfo {
  ChunkClass chunk_class = ChunkClass::data;
  std::uint8_t encoding = 0;
  Cipher cipher = Cipher::aes_256_gcm;
  BlockSeal seal;
  std::uint32_t sealed_length = 0;  ///< bytes in the pack, with the tag
  Id sealed_hash;                   ///< BLAKE3 of those bytes
  std::uint32_t raw_length = 0;
  std::vector<BlockBase> bases;  ///< only for deltas; their bytes in order are the zstd prefix
  std::vector<ChunkEntry> chunks;

  bool is_delta() const { return (encoding & kEncodingDelta) != 0; }
};

/// HKDF(class secret, "coppice/1 block" ‖ class ‖ session ‖ ordinal).
Secret32 block_key(const Secret32& class_secret, ChunkClass chunk_class, const BlockSeal& seal);
/// The bytes that a sealed block is bound to (docs/format.md, section 7).
Bytes block_associated_data(const BlockInfo& info);

}  // namespace coppice
