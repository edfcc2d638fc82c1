#pragma once
#include "fs/apply.h"

namespace coppice {

/// True if apply_metadata with `options` would find nothing to do but set the access time. Both
/// sides are complete (read_extended).
bool is_same_metadata(const Metadata& existing, const Metadata& wanted,
                      const ApplyOptions& options);

}  // namespace coppice
