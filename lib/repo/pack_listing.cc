#include "repo/pack_listing.h"

#include <string_view>

namespace coppice {

PackSizes list_packs(Store& store) {
  PackSizes sizes;
  const auto is_pack = [](std::string_view last_part) {
    return last_part.size() == 2 * Id::kSize;  // not its side file
  };
  for (const ObjectInfo& object : store.list_wanted("packs/", is_pack)) {
    Id name;
    if (from_hex(std::string_view(object.name).substr(object.name.rfind('/') + 1), name.bytes)) {
      sizes.emplace(name, object.size);
    }
  }
  return sizes;
}

}  // namespace coppice
