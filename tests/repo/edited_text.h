#pragma once
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/hash.h"

namespace coppice {

/// `text`, a checked JSON text, with `to` for the first `from`, and the checksum that then is
/// right.
inline std::string edited(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  text.replace(at, from.size(), to);
  text.resize(text.rfind("\"checksum\""));
  return text + "\"checksum\": \"" + blake3(as_bytes(text)).hex() + "\"\n}\n";
}

}  // namespace coppice
