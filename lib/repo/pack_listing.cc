#include "repo/pack_listing.h"

#include <string_view>

namespace coppice {

PackSizes list_packs(Store& store) {
  PackSizes sizes;
  for (const ObjectInfo& object : store.list("packs/")) {
    Id name;
    if (from_hex(std::string_view(object.name).substr(object.name.rfind('/') + 1), name.bytes)) {
      sizes.emplace(name, object.size);
    }
  }
  return sizes;
}

}  // namespace coppice
