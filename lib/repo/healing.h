#pragma once
#include <optional>
#include <string>
#include <vector>

#include "parity/damage.h"
#include "parity/parity_file.h"
#include "repo/object_reader.h"
#include "repo/side_file.h"

namespace coppice {

/// Side file of an object, as far as it is of use.
struct ParityRead {
  std::optional<ParityFile> file;  ///< of this object, damaged perhaps
  bool is_missing = false;
  std::string why;  ///< what is wrong with it; empty: nothing
};
ParityRead read_parity_file(const ObjectReader& reader, const ObjectRef& object);

/// What parity makes of a damaged object.
struct HealedObject {
  std::uint64_t available = 0;         ///< the damaged file's size
  std::vector<RebuiltSector> sectors;  ///< ascending
};
/// Rebuilds the bad sectors in memory and proves the whole by the object's name; nullopt if that
/// does not succeed. `why` tells how much is damaged. Nothing is written. Memory: as rebuild().
std::optional<HealedObject> heal_in_memory(const ObjectReader& reader, const ObjectRef& object,
                                           const ParityFile& parity, std::string& why);

/// Reads the object as it was before the damage. Both arguments must outlive what is returned.
ReadObject read_healed(const ObjectReader& reader, const ObjectRef& object,
                       const HealedObject& healed);

}  // namespace coppice
