#pragma once
#include <vector>

#include "crypto/sign.h"
#include "pack/block.h"

namespace coppice {

/// A pack's list of its blocks and their chunks (docs/format.md, section 7). The table alone
/// suffices to rebuild the index. Blocks touch and ascend; the first lies at kObjectPrefixBytes.
struct PackTable {
  std::vector<BlockInfo> blocks;
  SlotId signer;

  /// Bytes of all sealed blocks together.
  std::uint64_t blocks_length() const;
};

/// Largest encoded table that is read, bytes.
inline constexpr std::uint64_t kMaxTableBytes = 64ULL << 20;

/// Encodes and signs. `repository` is the one that the pack is for.
Bytes encode_table(const PackTable& table, const Id& repository, const SigningKey& key);

/// Decodes without judging the signature. Throws Error{damaged}; Error{newer_version} for an
/// unknown version.
PackTable decode_table(ByteView encoded);

/// True if `key` signed this encoded table for `repository`.
bool is_table_signed_by(ByteView encoded, const Id& repository, const PublicKey& key);

}  // namespace coppice
