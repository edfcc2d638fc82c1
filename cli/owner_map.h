#pragma once
#include <cstdint>
#include <map>
#include <string_view>

namespace coppice {

/// Which recorded owners become which, for `restore --owner-map`.
struct OwnerMap {
  std::map<std::uint32_t, std::uint32_t> users;
  std::map<std::uint32_t, std::uint32_t> groups;
};

/// Lines "user OLD NEW" and "group OLD NEW"; OLD is a recorded number, NEW a number or a name that
/// this machine knows; empty lines and those that start with '#' say nothing. Throws Error{usage}
/// naming the line.
OwnerMap parse_owner_map(std::string_view text);

}  // namespace coppice
