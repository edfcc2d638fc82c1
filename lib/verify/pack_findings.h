#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "base/finding.h"
#include "verify/pack_read.h"
#include "verify/verdicts.h"

namespace coppice {

/// A pack of which something is wrong.
struct DamagedPackRead {
  ObjectRef pack;
  PackRead read;
};

/// Enters the bad blocks of all of them, and deltas that build on them.
void mark_bad_places(const PackTables& tables, const std::vector<DamagedPackRead>& damaged,
                     Verdicts& verdicts);

/// Reports each pack: "pack_damaged", "pack_missing", "side_file_…", "block_damaged",
/// "chunk_damaged", "table_damaged". A pack that neither copy nor parity heals is healable all the
/// same if its table opens and every chunk that is bad in it lies elsewhere, too. Also packs that
/// are whole but hold deltas of which the bases are gone, and "index_contradicts_pack".
void report_packs(const PackTables& tables, const std::vector<DamagedPackRead>& damaged,
                  const Verdicts& verdicts, FindingSink& findings);

}  // namespace coppice
