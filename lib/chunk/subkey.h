#pragma once
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace coppice {

/// Fills `out` with HKDF-SHA256 (RFC 5869) of the chunker secret, no salt, and `info`. Throws
/// Error{failed} if OpenSSL does.
void derive_chunker_subkey(const Secret32& chunker_secret, std::string_view info,
                           MutableByteView out);

}  // namespace coppice
