#pragma once
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"

namespace coppice {

/// Largest index object that is read, and the size that writers aim at, bytes (docs/format.md,
/// section 8).
inline constexpr std::uint64_t kMaxIndexObjectBytes = 64ULL << 20;
inline constexpr std::uint64_t kIndexObjectTargetBytes = 16ULL << 20;

/// One pack's signed table inside an index object.
struct IndexedTable {
  Id pack;
  std::uint64_t pack_length = 0;
  Bytes table;  ///< as signed (pack/table.h)
};

/// Seals tables into one index object, padded to a PADMÉ size. Throws Error{failed} if it would be
/// too large.
Bytes encode_index_object(const std::vector<IndexedTable>& tables, std::uint64_t epoch,
                          const Secret32& repository_key, const Id& repository);

/// The epoch whose repository key opens the object. Throws Error{damaged}, Error{newer_version}.
std::uint64_t index_object_epoch(ByteView object);

/// Opens and decodes; the tables' signatures are still to be judged. Throws Error{damaged}.
std::vector<IndexedTable> decode_index_object(ByteView object, const Secret32& repository_key,
                                              const Id& repository);

}  // namespace coppice
