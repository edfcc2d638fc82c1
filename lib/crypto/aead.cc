#include "crypto/aead.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/units.h"

namespace coppice {
namespace {

/// OpenSSL counts in int.
constexpr std::size_t kMaxMessageBytes = kGiB;
constexpr int kSeal = 1;
constexpr int kOpen = 0;

const char* openssl_name(Cipher cipher) {
  switch (cipher) {
    case Cipher::aes_256_gcm:
      return "AES-256-GCM";
    case Cipher::chacha20_poly1305:
      return "ChaCha20-Poly1305";
  }
  openssl::fail("unknown cipher");
}

bool cpu_has_aes() {
#if defined(__x86_64__) || defined(__i386__)
  // GCM also needs the carry-less multiplication.
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
  return false;
#endif
}

/// Associated data where `out` is null; a message never passes a null one.
bool update(EVP_CIPHER_CTX* context, std::uint8_t* out, ByteView in) {
  // OpenSSL takes a null input for the end of the message.
  if (in.empty()) return true;
  int written = 0;
  return EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1;
}

/// Neither cipher has bytes left to write at the end: this computes, or compares, the tag.
bool finish(EVP_CIPHER_CTX* context) {
  std::array<std::uint8_t, EVP_MAX_BLOCK_LENGTH> unused{};
  int written = 0;
  return EVP_CipherFinal_ex(context, unused.data(), &written) == 1;
}

}  // namespace

Cipher preferred_cipher() {
  return cpu_has_aes() ? Cipher::aes_256_gcm : Cipher::chacha20_poly1305;
}

Nonce counter_nonce(std::uint64_t counter) {
  Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

Aead::Aead(Cipher cipher, const Secret32& key) : context_(EVP_CIPHER_CTX_new()) {
  const openssl::Owned<EVP_CIPHER> algorithm(
      EVP_CIPHER_fetch(nullptr, openssl_name(cipher), nullptr));
  openssl::require(context_ != nullptr && algorithm != nullptr, "no such cipher");
  // Both ciphers are stream ciphers underneath: one key schedule serves both directions.
  openssl::require(EVP_CipherInit_ex2(context_.get(), algorithm.get(), key.view().data(), nullptr,
                                      kSeal, nullptr) == 1,
                   "cipher key");
}

void Aead::begin(const Nonce& nonce, ByteView associated, int direction) {
  openssl::require(
      EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce.data(), direction, nullptr) == 1,
      "nonce");
  openssl::require(update(context_.get(), nullptr, associated), "associated data");
}

void Aead::seal(const Nonce& nonce, ByteView associated, ByteView plain, MutableByteView out) {
  if (out.size() != plain.size() + kAeadTagBytes || plain.size() > kMaxMessageBytes ||
      associated.size() > kMaxMessageBytes) {
    openssl::fail("sizes of a message to seal");
  }
  begin(nonce, associated, kSeal);
  openssl::require(update(context_.get(), out.data(), plain) && finish(context_.get()), "seal");
  openssl::require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes,
                                       out.data() + plain.size()) == 1,
                   "tag");
}

bool Aead::open(const Nonce& nonce, ByteView associated, ByteView sealed, MutableByteView out) {
  const std::size_t plain_size = sealed.size() < kAeadTagBytes ? 0 : sealed.size() - kAeadTagBytes;
  if (out.size() != plain_size || plain_size > kMaxMessageBytes ||
      associated.size() > kMaxMessageBytes) {
    openssl::fail("sizes of a message to open");
  }
  if (sealed.size() < kAeadTagBytes) return false;
  begin(nonce, associated, kOpen);
  // OpenSSL only reads the tag.
  void* tag = const_cast<std::uint8_t*>(sealed.last(kAeadTagBytes).data());
  openssl::require(
      EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag) == 1, "tag");
  if (update(context_.get(), out.data(), sealed.first(plain_size)) && finish(context_.get())) {
    return true;
  }
  // What was decrypted before the tag was seen to be wrong is an attacker's to choose; OpenSSL's
  // reason, if it gave one, must not turn up in a later error of this thread.
  if (!out.empty()) explicit_bzero(out.data(), out.size());
  ERR_clear_error();
  return false;
}

}  // namespace coppice
