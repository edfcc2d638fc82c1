#pragma once
#include <cstdint>

#include "base/bytes.h"
#include "base/id.h"

namespace coppice {

/// What a signature is about, so that one made for an object of one type never serves for another
/// (docs/format.md, section 1).
enum class SignedObject : std::uint8_t { log_entry = 1, pack_table = 2, session = 3, snapshot = 4 };

/// The bytes that are signed for `content`, an object made for `repository`.
Bytes signed_message(SignedObject object, const Id& repository, ByteView content);

}  // namespace coppice
