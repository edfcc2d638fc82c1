#pragma once
#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "crypto/openssl.h"
#include "crypto/random.h"

namespace coppice {

/// Ed25519 (RFC 8032), the plain variant: the message is hashed by the scheme itself, and there is
/// no context; what is signed must say of itself what it is.
using PublicKey = FixedId<32, struct PublicKeyTag>;
using Signature = FixedId<64, struct SignatureTag>;

/// A private key. Move-only. `sign` may be called from several threads at once.
class SigningKey {
 public:
  static SigningKey generate(RandomSource& random);
  /// Any 32 bytes are a seed.
  explicit SigningKey(Secret32 seed);

  /// Deterministic: the same message has the same signature.
  Signature sign(ByteView message) const;
  const PublicKey& public_key() const { return public_key_; }
  const Secret32& seed() const { return seed_; }

 private:
  Secret32 seed_;
  openssl::Owned<evp_pkey_st> key_;
  PublicKey public_key_;
};

/// True if the holder of the key signed exactly this message. A zero key, which is what an unset
/// one looks like, has signed nothing, though as a point of order four it would accept forgeries.
[[nodiscard]] bool is_signed_by(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace coppice
