#pragma once
#include <cstdint>
#include <unordered_map>

#include "base/id.h"
#include "store/store.h"

namespace coppice {

/// Sizes of packs by name, bytes.
using PackSizes = std::unordered_map<Id, std::uint64_t>;

/// The files below packs/ that are named like packs.
PackSizes list_packs(Store& store);

}  // namespace coppice
