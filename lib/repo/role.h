#pragma once
#include <cstdint>
#include <string_view>

namespace coppice {

/// A preset of secrets and rights (docs/format.md, sections 3 and 5). The numbers are on disk.
enum class Role : std::uint8_t {
  writer = 1,   ///< adds snapshots; can read neither contents nor names
  auditor = 2,  ///< reads names, forgets and collects; cannot read contents
  reader = 3,   ///< reads everything, changes nothing
  owner = 4,    ///< everything, and holds the root key
};

/// True for the role bytes that this program knows.
constexpr bool is_known_role(std::uint8_t role) { return role >= 1 && role <= 4; }

/// "writer", "auditor", "reader" or "owner"; "unknown" for a value outside the list.
constexpr std::string_view role_word(Role role) {
  constexpr std::string_view words[] = {"unknown", "writer", "auditor", "reader", "owner"};
  const auto number = static_cast<std::uint8_t>(role);
  return words[is_known_role(number) ? number : 0];
}

}  // namespace coppice
