#pragma once
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace coppice {

/// Seals the part of a log entry or session record that storage must not read: AES-256-GCM of
/// counted(body) and zeros up to a multiple of kBodyPaddingBytes, so that the length tells little
/// (docs/format.md, sections 5 and 6).
inline constexpr std::size_t kBodyPaddingBytes = 256;

/// The nonce is zero: `key` must serve for this one message only.
Bytes seal_body(const Secret32& key, ByteView associated, ByteView body);

/// Throws Error{damaged} unless `seal_body` made `sealed` with the same key and associated data.
/// `what` names the object in messages.
Bytes open_body(const Secret32& key, ByteView associated, ByteView sealed, std::string_view what);

}  // namespace coppice
