#include "chunk/subkey.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <memory>
#include <string>

#include "base/error.h"

namespace coppice {

void derive_chunker_subkey(const Secret32& chunker_secret, std::string_view info,
                           MutableByteView out) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
      EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr, EVP_KDF_CTX_free);
  // OpenSSL takes mutable pointers and leaves what they point to alone.
  std::string digest = "SHA256";
  std::string info_copy(info);
  const Secret32 key = chunker_secret.clone();
  auto* key_bytes = const_cast<std::uint8_t*>(key.view().data());
  const std::array<OSSL_PARAM, 4> params = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key_bytes, Secret32::kSize),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_copy.data(), info_copy.size()),
      OSSL_PARAM_construct_end()};
  if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), params.data()) != 1) {
    throw Error(ErrorKind::failed, "OpenSSL cannot derive the chunker's keys (HKDF-SHA256)");
  }
}

}  // namespace coppice
