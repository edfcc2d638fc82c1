#include "crypto/kdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <bit>

#include "base/error.h"
#include "base/units.h"
#include "crypto/openssl.h"

namespace coppice {
namespace {

/// OpenSSL's parameters are not const, but these are only read.
OSSL_PARAM octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}

struct HkdfInput {
  ByteView key;
  ByteView salt;
  ByteView info;
};

void hkdf_into(MutableByteView out, const HkdfInput& input) {
  if (input.info.size() > kMaxHkdfInfoBytes) openssl::fail("HKDF info too long");
  const openssl::Owned<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const openssl::Owned<EVP_KDF_CTX> context(EVP_KDF_CTX_new(kdf.get()));
  openssl::require(context != nullptr, "HKDF");
  std::array<char, 7> digest{"SHA256"};
  std::array<OSSL_PARAM, 5> params{};
  std::size_t count = 0;
  params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0);
  params[count++] = octets(OSSL_KDF_PARAM_KEY, input.key);
  if (!input.salt.empty()) params[count++] = octets(OSSL_KDF_PARAM_SALT, input.salt);
  if (!input.info.empty()) params[count++] = octets(OSSL_KDF_PARAM_INFO, input.info);
  params[count] = OSSL_PARAM_construct_end();
  openssl::require(EVP_KDF_derive(context.get(), out.data(), out.size(), params.data()) == 1,
                   "HKDF");
}

template <std::size_t N>
Secret<N> hkdf(ByteView key, ByteView salt, std::string_view info_label, ByteView info_rest) {
  Bytes info = to_bytes(as_bytes(info_label));
  info.insert(info.end(), info_rest.begin(), info_rest.end());
  Secret<N> out;
  hkdf_into(out.mutable_view(), {.key = key, .salt = salt, .info = info});
  return out;
}

std::uint64_t table_bytes(ScryptParams params) { return std::uint64_t{128} * params.n * params.r; }

}  // namespace

Secret32 hkdf_sha256(ByteView key, ByteView salt, std::string_view info_label, ByteView info_rest) {
  return hkdf<32>(key, salt, info_label, info_rest);
}

Secret<64> hkdf_sha256_64(ByteView key, ByteView salt, std::string_view info_label,
                          ByteView info_rest) {
  return hkdf<64>(key, salt, info_label, info_rest);
}

bool is_acceptable(ScryptParams params) {
  return std::has_single_bit(params.n) && params.n >= (1U << 10) && params.n <= (1U << 20) &&
         params.r >= 1 && params.r <= 16 && params.p >= 1 && params.p <= 16 &&
         table_bytes(params) <= kGiB;
}

Secret32 scrypt(ByteView passphrase, ByteView salt, ScryptParams params) {
  if (!is_acceptable(params)) throw_damaged("scrypt parameters out of bounds");
  // OpenSSL counts the table of n, two working rows and the p starting blocks, each of 128 * r
  // bytes.
  const std::uint64_t max_memory =
      table_bytes(params) + std::uint64_t{128} * params.r * (2 + params.p) + kMiB;
  Secret32 key;
  openssl::require(EVP_PBE_scrypt(as_text(passphrase).data(), passphrase.size(), salt.data(),
                                  salt.size(), params.n, params.r, params.p, max_memory,
                                  key.mutable_view().data(), Secret32::kSize) == 1,
                   "scrypt");
  return key;
}

}  // namespace coppice
