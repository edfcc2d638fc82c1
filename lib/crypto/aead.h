#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/openssl.h"

namespace coppice {

/// The numbers stand in the format (docs/format.md, section 2).
enum class Cipher : std::uint8_t {
  aes_256_gcm = 1,        ///< NIST SP 800-38D
  chacha20_poly1305 = 2,  ///< RFC 8439
};

/// The faster one here: AES where the CPU has instructions for it.
Cipher preferred_cipher();

/// What a sealed message is longer than the plain one.
inline constexpr std::size_t kAeadTagBytes = 16;

using Nonce = std::array<std::uint8_t, 12>;

/// Four zero bytes, then the counter, little-endian.
Nonce counter_nonce(std::uint64_t counter);

/// Seals and opens messages under one key, whose schedule is set up once. Both ciphers lose all
/// secrecy when a nonce is used for two messages: nonces are the caller's to count, and a retry
/// takes a new one. Messages and associated data of up to 1 GiB. Not thread-safe.
class Aead {
 public:
  /// Throws Error{failed} for an unknown cipher.
  Aead(Cipher cipher, const Secret32& key);

  /// Writes ciphertext and tag. Requires out.size() == plain.size() + kAeadTagBytes. `out` may
  /// begin where `plain` does (sealing in place), but not overlap it in another way. Throws
  /// Error{failed}.
  void seal(const Nonce& nonce, ByteView associated, ByteView plain, MutableByteView out);

  /// False, and `out` wiped, unless `sealed` was made by `seal` with this key, nonce and associated
  /// data. Requires out.size() == sealed.size() - kAeadTagBytes (or 0, if `sealed` is shorter than
  /// a tag). `out` may begin where `sealed` does, but not overlap it in another way. Throws
  /// Error{failed} only for what no input causes.
  [[nodiscard]] bool open(const Nonce& nonce, ByteView associated, ByteView sealed,
                          MutableByteView out);

 private:
  void begin(const Nonce& nonce, ByteView associated, int direction);

  openssl::Owned<evp_cipher_ctx_st> context_;
};

}  // namespace coppice
