#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/units.h"

namespace coppice {

/// The small files that a stranger must be able to read are JSON texts that end in their own
/// checksum (docs/format.md, section 3). The checksum finds accidents; it proves nothing against an
/// attacker.
///
/// Limits for texts that nobody vouches for; the parser stops as soon as one is passed.
inline constexpr std::size_t kMaxCheckedJsonBytes = 1 * kMiB;
inline constexpr std::size_t kMaxJsonDepth = 8;
inline constexpr std::size_t kMaxJsonValues = 65536;

/// The object's text, indented, with `checksum` added as the last member, ending in a line feed.
/// Bytes that are not UTF-8 are replaced. Requires a non-empty object without a member `checksum`.
std::string write_checked_json(const nlohmann::ordered_json& object);

/// The object in `text`, its `checksum` verified and still in it. Throws Error{damaged} for a wrong
/// checksum, for anything but one JSON object that ends in it, for duplicate names and for broken
/// limits. `what` names the file in messages ("header").
nlohmann::json parse_checked_json(ByteView text, std::string_view what,
                                  std::size_t max_bytes = kMaxCheckedJsonBytes);

}  // namespace coppice
