#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace coppice {

/// The kinds of object that begin with a prefix: the first eight bytes.
inline constexpr std::string_view kPackMagic = "cop-pak\n";
inline constexpr std::string_view kIndexMagic = "cop-idx\n";

inline constexpr std::size_t kObjectPrefixBytes = 40;

/// The clear start of packs and index objects (docs/format.md, sections 7 and 8): which repository
/// key opens the object, and the nonce that its key is derived with.
struct ObjectPrefix {
  std::uint64_t epoch = 0;
  std::array<std::uint8_t, 16> nonce{};

  /// kObjectPrefixBytes.
  Bytes encode(std::string_view magic) const;
  /// Reads the first kObjectPrefixBytes of `bytes`; `what` names the object in messages. Throws
  /// Error{damaged}; Error{newer_version} for an unknown version.
  static ObjectPrefix decode(ByteView bytes, std::string_view magic, std::string_view what);
};

}  // namespace coppice
