#pragma once
#include <vector>

#include "repo/object_check.h"
#include "verify/block_check.h"
#include "verify/pack_tables.h"

namespace coppice {

/// What one reading of a whole pack found.
struct PackRead {
  ObjectCheck check;
  bool has_table = false;  ///< what is in it is known
  /// Bad in the pack and in its second copy, if it has one. Blocks are judged only if the table is
  /// known.
  std::vector<BadBlock> bad_blocks;
  std::uint64_t blocks_opened = 0;
  std::uint64_t chunks_proved = 0;

  bool is_clean() const { return check.is_intact() && bad_blocks.empty(); }
};

/// Reads one pack whole, once: its name, its side file, and its blocks. Thread-safe.
PackRead read_pack(const ObjectReader& reader, const ObjectRef& pack, const PackTables& tables,
                   const BlockTools& tools);

}  // namespace coppice
