#pragma once
#include <cstdint>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "pack/object_prefix.h"

namespace coppice {

inline constexpr std::size_t kPackFooterBytes = 32;
inline constexpr std::uint64_t kMaxPackBytes = 128ULL << 20;
/// Packs are filled to exactly this size (a PADMÉ size, so that full packs need next to no
/// padding).
inline constexpr std::uint64_t kPackTargetBytes = 64ULL << 20;
inline constexpr std::uint64_t kMinPaddedBytes = 16ULL << 10;
/// Largest sealed table that is read, bytes.
inline constexpr std::uint64_t kMaxTableBytesSealed = (64ULL << 20) + 16;

/// PADMÉ (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", 2019), at least
/// kMinPaddedBytes.
std::uint64_t padded_size(std::uint64_t size);

/// Where the sealed table lies in the pack.
struct TablePlace {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// What follows the blocks: sealed table, random padding, sealed footer, so that the whole pack has
/// a PADMÉ size.
Bytes seal_pack_tail(const ObjectPrefix& prefix, const Secret32& repository_key,
                     const Id& repository, std::uint64_t table_offset, ByteView encoded_table);

/// Opens the last kPackFooterBytes of a pack of `pack_length` bytes. Throws Error{damaged}.
TablePlace open_pack_footer(const ObjectPrefix& prefix, const Secret32& repository_key,
                            const Id& repository, ByteView footer, std::uint64_t pack_length);

/// Opens the sealed table. Throws Error{damaged}.
Bytes open_pack_table(const ObjectPrefix& prefix, const Secret32& repository_key,
                      const Id& repository, ByteView sealed_table);

}  // namespace coppice
