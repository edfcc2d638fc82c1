#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace coppice {

/// The most that label and rest of an HKDF call may hold together (OpenSSL 3.0's own bound).
inline constexpr std::size_t kMaxHkdfInfoBytes = 1024;

/// HKDF with SHA-256 (RFC 5869): 32 bytes from a key that is already random. info = the bytes of
/// `info_label`, then `info_rest`. An empty salt is RFC 5869's default. Requires a key of at least
/// one byte and at most kMaxHkdfInfoBytes of info; else throws Error{failed}.
Secret32 hkdf_sha256(ByteView key, ByteView salt, std::string_view info_label,
                     ByteView info_rest = {});
/// The same with 64 bytes of output; the first 32 are those of hkdf_sha256.
Secret<64> hkdf_sha256_64(ByteView key, ByteView salt, std::string_view info_label,
                          ByteView info_rest = {});

/// The cost of guessing a passphrase once: 128 * n * r bytes of memory, time in proportion to n * r
/// * p. The default takes 128 MiB and some tenths of a second.
struct ScryptParams {
  std::uint32_t n = 1U << 17;
  std::uint32_t r = 8;
  std::uint32_t p = 1;
};

/// True for parameters that are neither worthless nor a way for storage to exhaust the machine: n a
/// power of two in [2^10, 2^20], r and p in [1, 16], and at most 1 GiB of memory.
bool is_acceptable(ScryptParams params);

/// A key from a passphrase (RFC 7914). Throws Error{damaged} unless is_acceptable(params), for they
/// come from the plain part of a repository; Error{failed} where the memory is not to be had.
Secret32 scrypt(ByteView passphrase, ByteView salt, ScryptParams params);

}  // namespace coppice
