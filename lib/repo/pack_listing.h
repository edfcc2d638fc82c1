#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/id.h"
#include "store/store.h"

namespace coppice {

/// Sizes of packs by name, bytes.
using PackSizes = std::unordered_map<Id, std::uint64_t>;

/// The files below packs/ that are named like packs. Where there are about so many that asking for
/// all their sizes takes long, several directories are listed at the same time.
PackSizes list_packs(Store& store, std::size_t about = 0);

}  // namespace coppice
