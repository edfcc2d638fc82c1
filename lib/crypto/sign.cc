#include "crypto/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <utility>

namespace coppice {

SigningKey SigningKey::generate(RandomSource& random) { return SigningKey(random_secret(random)); }

SigningKey::SigningKey(Secret32 seed)
    : seed_(std::move(seed)),
      key_(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, seed_.view().data(),
                                           Secret32::kSize)) {
  openssl::require(key_ != nullptr, "signing key");
  std::size_t size = public_key_.bytes.size();
  openssl::require(EVP_PKEY_get_raw_public_key(key_.get(), public_key_.bytes.data(), &size) == 1 &&
                       size == PublicKey::kSize,
                   "public key");
}

Signature SigningKey::sign(ByteView message) const {
  const openssl::Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  openssl::require(
      context != nullptr && EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr,
                                                  key_.get(), nullptr) == 1,
      "sign");
  Signature signature;
  std::size_t size = signature.bytes.size();
  openssl::require(EVP_DigestSign(context.get(), signature.bytes.data(), &size, message.data(),
                                  message.size()) == 1 &&
                       size == Signature::kSize,
                   "sign");
  return signature;
}

bool is_signed_by(const PublicKey& key, ByteView message, const Signature& signature) {
  if (key.is_zero()) return false;
  const openssl::Owned<EVP_PKEY> public_key(EVP_PKEY_new_raw_public_key_ex(
      nullptr, "ED25519", nullptr, key.bytes.data(), key.bytes.size()));
  const openssl::Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  openssl::require(public_key != nullptr && context != nullptr &&
                       EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr,
                                               public_key.get(), nullptr) == 1,
                   "verify a signature");
  const bool valid = EVP_DigestVerify(context.get(), signature.bytes.data(), signature.bytes.size(),
                                      message.data(), message.size()) == 1;
  // A refused signature is an answer; its reason must not turn up in a later error of this thread.
  if (!valid) ERR_clear_error();
  return valid;
}

}  // namespace coppice
