#include "restore/owners.h"

namespace coppice {
namespace {

std::optional<std::uint32_t> find_mapped(const std::map<std::uint32_t, std::uint32_t>& map,
                                         std::uint32_t number) {
  const auto found = map.find(number);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

void OwnerRules::apply(Node& node) {
  if (options_.no_owner) return;
  if (const auto mapped = find_mapped(options_.user_map, node.meta.uid)) {
    node.meta.uid = *mapped;
  } else if (options_.owner_by_name && !node.user.empty()) {
    node.meta.uid = names_.user_id(node.user).value_or(node.meta.uid);
  }
  if (const auto mapped = find_mapped(options_.group_map, node.meta.gid)) {
    node.meta.gid = *mapped;
  } else if (options_.owner_by_name && !node.group.empty()) {
    node.meta.gid = names_.group_id(node.group).value_or(node.meta.gid);
  }
}

}  // namespace coppice
