#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "crypto/openssl.h"
#include "crypto/random.h"

/// A box carries one 32-byte secret to the holder of an X25519 private key (docs/format.md, section
/// 5).
///
///     shared     = X25519(ephemeral, recipient), refused where it is zero (RFC 7748, section 6.1)
///     64 bytes   = HKDF-SHA256(shared, no salt, "coppice/1 box" | context | ephemeral public |
///     recipient public) box        = ephemeral public (32) | commitment (32: the last 32 bytes, in
///     clear)
///                  | AES-256-GCM(first 32 bytes, zero nonce, no associated data; secret) (32 + tag
///                  16)
///
/// GCM alone lets one ciphertext open under two keys; the commitment ties the box to one. The zero
/// nonce is sound because the key serves one message only.
namespace coppice {

using BoxPublicKey = FixedId<32, struct BoxPublicKeyTag>;
using SealedBox = std::array<std::uint8_t, 112>;

/// An X25519 private key. Move-only. May be used from several threads at once.
class BoxPrivateKey {
 public:
  static BoxPrivateKey generate(RandomSource& random);
  /// Any 32 bytes are a seed.
  explicit BoxPrivateKey(Secret32 seed);

  const BoxPublicKey& public_key() const { return public_key_; }
  const Secret32& seed() const { return seed_; }

  /// The bare X25519 value, to be hashed before use; empty where it is zero, that is, where `peer`
  /// is a point of small order that makes every key agree.
  std::optional<Secret32> try_agree(const BoxPublicKey& peer) const;

 private:
  Secret32 seed_;
  openssl::Owned<evp_pkey_st> key_;
  BoxPublicKey public_key_;
};

/// Boxes `secret` for the recipient. `context` says what the secret is for and must name the secret
/// (its session, its epoch): then even a generator that repeats itself never seals two secrets
/// under one key. At most 900 bytes. Throws Error{damaged} for a public key of small order,
/// Error{failed} otherwise.
SealedBox seal_box(const BoxPublicKey& recipient, ByteView context, const Secret32& secret,
                   RandomSource& random);

/// The secret, or nothing if the box is not for this key and context, or was altered.
std::optional<Secret32> open_box(const BoxPrivateKey& recipient, ByteView context,
                                 const SealedBox& box);

}  // namespace coppice
