#include "crypto/openssl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <array>
#include <string>

#include "base/error.h"

namespace coppice::openssl {

void Deleter::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }
void Deleter::operator()(evp_cipher_st* cipher) const { EVP_CIPHER_free(cipher); }
void Deleter::operator()(evp_kdf_ctx_st* context) const { EVP_KDF_CTX_free(context); }
void Deleter::operator()(evp_kdf_st* kdf) const { EVP_KDF_free(kdf); }
void Deleter::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }
void Deleter::operator()(evp_pkey_ctx_st* context) const { EVP_PKEY_CTX_free(context); }
void Deleter::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

void fail(std::string_view what) {
  std::string message = "crypto: " + std::string(what);
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    std::array<char, 256> reason{};
    ERR_error_string_n(code, reason.data(), reason.size());
    message += ": ";
    message += reason.data();
  }
  ERR_clear_error();
  throw Error(ErrorKind::failed, message);
}

}  // namespace coppice::openssl
