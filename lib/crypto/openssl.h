#pragma once
#include <memory>
#include <string_view>

// OpenSSL's own names, declared here so that no header of ours includes OpenSSL's.
struct evp_cipher_ctx_st;
struct evp_cipher_st;
struct evp_kdf_ctx_st;
struct evp_kdf_st;
struct evp_md_ctx_st;
struct evp_pkey_ctx_st;
struct evp_pkey_st;

/// Owners for OpenSSL's objects, and its errors as ours. For lib/crypto alone.
namespace coppice::openssl {

struct Deleter {
  void operator()(evp_cipher_ctx_st* context) const;
  void operator()(evp_cipher_st* cipher) const;
  void operator()(evp_kdf_ctx_st* context) const;
  void operator()(evp_kdf_st* kdf) const;
  void operator()(evp_md_ctx_st* context) const;
  void operator()(evp_pkey_ctx_st* context) const;
  void operator()(evp_pkey_st* key) const;
};

template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

/// Throws Error{failed}: "crypto: <what>: <OpenSSL's reason>", and empties this thread's OpenSSL
/// error queue.
[[noreturn]] void fail(std::string_view what);

inline void require(bool succeeded, std::string_view what) {
  if (!succeeded) fail(what);
}

}  // namespace coppice::openssl
