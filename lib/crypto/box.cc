#include "crypto/box.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"

namespace coppice {
namespace {

constexpr std::string_view kInfoLabel = "coppice/1 box";
constexpr std::size_t kCommitmentAt = BoxPublicKey::kSize;
constexpr std::size_t kCommitmentBytes = 32;
constexpr std::size_t kSealedAt = kCommitmentAt + kCommitmentBytes;
static_assert(sizeof(SealedBox) == kSealedAt + Secret32::kSize + kAeadTagBytes);

/// What both sides derive from the shared value.
struct BoxKeys {
  Secret32 cipher_key;
  std::array<std::uint8_t, kCommitmentBytes> commitment;
};

/// The public keys come last and have fixed lengths, so that no context can be taken for a part of
/// them.
BoxKeys derive_keys(const Secret32& shared, ByteView context, const BoxPublicKey& ephemeral,
                    const BoxPublicKey& recipient) {
  Bytes info = to_bytes(context);
  info.insert(info.end(), ephemeral.bytes.begin(), ephemeral.bytes.end());
  info.insert(info.end(), recipient.bytes.begin(), recipient.bytes.end());
  const Secret<64> both = hkdf_sha256_64(shared.view(), {}, kInfoLabel, info);
  BoxKeys keys{Secret32(both.view().first<32>()), {}};
  std::ranges::copy(both.view().last<kCommitmentBytes>(), keys.commitment.begin());
  return keys;
}

bool is_all_zero(const Secret32& value) {
  std::uint8_t bits = 0;
  for (const std::uint8_t byte : value.view()) bits = static_cast<std::uint8_t>(bits | byte);
  return bits == 0;
}

}  // namespace

BoxPrivateKey BoxPrivateKey::generate(RandomSource& random) {
  return BoxPrivateKey(random_secret(random));
}

BoxPrivateKey::BoxPrivateKey(Secret32 seed)
    : seed_(std::move(seed)),
      key_(EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, seed_.view().data(),
                                           Secret32::kSize)) {
  openssl::require(key_ != nullptr, "box key");
  std::size_t size = public_key_.bytes.size();
  openssl::require(EVP_PKEY_get_raw_public_key(key_.get(), public_key_.bytes.data(), &size) == 1 &&
                       size == BoxPublicKey::kSize,
                   "box public key");
}

std::optional<Secret32> BoxPrivateKey::try_agree(const BoxPublicKey& peer) const {
  const openssl::Owned<EVP_PKEY> peer_key(EVP_PKEY_new_raw_public_key_ex(
      nullptr, "X25519", nullptr, peer.bytes.data(), peer.bytes.size()));
  const openssl::Owned<EVP_PKEY_CTX> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  openssl::require(peer_key != nullptr && context != nullptr &&
                       EVP_PKEY_derive_init(context.get()) == 1 &&
                       EVP_PKEY_derive_set_peer(context.get(), peer_key.get()) == 1,
                   "key agreement");
  Secret32 shared;
  std::size_t size = Secret32::kSize;
  // OpenSSL itself refuses a zero result; the check of our own does not depend on its version.
  if (EVP_PKEY_derive(context.get(), shared.mutable_view().data(), &size) != 1 ||
      size != Secret32::kSize || is_all_zero(shared)) {
    ERR_clear_error();
    return std::nullopt;
  }
  return shared;
}

SealedBox seal_box(const BoxPublicKey& recipient, ByteView context, const Secret32& secret,
                   RandomSource& random) {
  const BoxPrivateKey ephemeral = BoxPrivateKey::generate(random);
  const std::optional<Secret32> shared = ephemeral.try_agree(recipient);
  if (!shared) throw_damaged("box: the recipient's public key agrees with every key");
  const BoxKeys keys = derive_keys(*shared, context, ephemeral.public_key(), recipient);
  SealedBox box{};
  std::ranges::copy(ephemeral.public_key().bytes, box.begin());
  std::ranges::copy(keys.commitment, box.begin() + kCommitmentAt);
  Aead(Cipher::aes_256_gcm, keys.cipher_key)
      .seal(Nonce{}, {}, secret.view(), MutableByteView(box).subspan(kSealedAt));
  return box;
}

std::optional<Secret32> open_box(const BoxPrivateKey& recipient, ByteView context,
                                 const SealedBox& box) {
  const auto ephemeral = BoxPublicKey::from(ByteView(box).first(BoxPublicKey::kSize));
  const std::optional<Secret32> shared = recipient.try_agree(ephemeral);
  if (!shared) return std::nullopt;
  const BoxKeys keys = derive_keys(*shared, context, ephemeral, recipient.public_key());
  if (CRYPTO_memcmp(keys.commitment.data(), box.data() + kCommitmentAt, kCommitmentBytes) != 0) {
    return std::nullopt;
  }
  Secret32 secret;
  if (!Aead(Cipher::aes_256_gcm, keys.cipher_key)
           .open(Nonce{}, {}, ByteView(box).subspan(kSealedAt), secret.mutable_view())) {
    return std::nullopt;
  }
  return secret;
}

}  // namespace coppice
