#include "owner_map.h"

#include <sstream>
#include <string>

#include "base/error.h"
#include "fs/users.h"
#include "values.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxId = 0xFFFF'FFFE;  // 2^32 - 1 means "leave alone" to chown(2)

}  // namespace

OwnerMap parse_owner_map(std::string_view text) {
  OwnerMap map;
  UserNames names;
  std::istringstream lines{std::string(text)};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = "--owner-map, line " + std::to_string(++number);
    std::istringstream words(line);
    std::string kind, before, after, more;
    words >> kind >> before >> after;
    if (kind.empty() || kind.starts_with('#')) continue;
    if ((kind != "user" && kind != "group") || after.empty() || words >> more) {
      throw Error(ErrorKind::usage, where + ": must be \"user OLD NEW\" or \"group OLD NEW\"");
    }
    const auto old_id = static_cast<std::uint32_t>(parse_number(where, before, 0, kMaxId));
    const auto known = kind == "user" ? names.user_id(after) : names.group_id(after);
    auto& ids = kind == "user" ? map.users : map.groups;
    ids[old_id] =
        known ? *known : static_cast<std::uint32_t>(parse_number(where, after, 0, kMaxId));
  }
  return map;
}

}  // namespace coppice
