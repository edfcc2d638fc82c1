#include "chunk/cut_prf.h"

#include <openssl/evp.h>

#include "base/error.h"
#include "chunk/subkey.h"

namespace coppice {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kBlocks = CutPrf::kWindow / kBlock;

[[noreturn]] void throw_openssl_failed() {
  throw Error(ErrorKind::failed, "OpenSSL cannot encrypt with AES-128 for the chunker");
}

CutVerdict verdict_of(const std::array<std::uint8_t, kBlock>& tag) {
  const auto byte = [&tag](std::size_t i) { return std::uint32_t{tag[i]}; };
  return {.draw = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24,
          .jitter = (byte(4) | byte(5) << 8) & 0xFFF};
}

}  // namespace

CutPrf::CutPrf(const Secret32& chunker_secret, SimdLevel level)
    : cipher_(nullptr, EVP_CIPHER_free) {
  derive_chunker_subkey(chunker_secret, "coppice/1 chunker aes", key_.mutable_view());
#if defined(__x86_64__)
  has_aes_ni_ = level != SimdLevel::portable && has_aes_ni();
  if (has_aes_ni_) expand_key_aes_ni(key_, round_keys_);
#endif
  static_cast<void>(level);
  if (has_aes_ni_) return;
  cipher_.reset(EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr));
  if (!cipher_) throw_openssl_failed();
}

CutPrf::~CutPrf() = default;
CutPrf::CutPrf(CutPrf&&) noexcept = default;
CutPrf& CutPrf::operator=(CutPrf&&) noexcept = default;

CutPrf::Asker::Asker(const CutPrf& prf) : prf_(prf), context_(nullptr, EVP_CIPHER_CTX_free) {}
CutPrf::Asker::~Asker() = default;

CutVerdict CutPrf::Asker::ask(const std::uint8_t* window) {
  std::array<std::uint8_t, kBlock> tag;
#if defined(__x86_64__)
  if (prf_.has_aes_ni_) {
    evaluate_aes_ni(prf_.key_, prf_.round_keys_, window, tag);
    return verdict_of(tag);
  }
#endif
  const std::uint8_t* masks = prf_.key_.view().data() + kBlock;
  std::array<std::uint8_t, kWindow> blocks;
  for (std::size_t i = 0; i < kWindow; ++i) blocks[i] = window[i] ^ masks[i];
  encrypt(blocks.data(), blocks.data(), kWindow);
  for (std::size_t i = 0; i < kBlock; ++i) {
    tag[i] = masks[kWindow + i];
    for (std::size_t block = 0; block < kBlocks; ++block) tag[i] ^= blocks[block * kBlock + i];
  }
  encrypt(tag.data(), tag.data(), kBlock);
  return verdict_of(tag);
}

void CutPrf::Asker::encrypt(const std::uint8_t* in, std::uint8_t* out, int size) {
  if (!context_) {
    context_.reset(EVP_CIPHER_CTX_new());
    if (!context_ || EVP_EncryptInit_ex2(context_.get(), prf_.cipher_.get(),
                                         prf_.key_.view().data(), nullptr, nullptr) != 1) {
      throw_openssl_failed();
    }
    EVP_CIPHER_CTX_set_padding(context_.get(), 0);
  }
  int written = 0;
  if (EVP_EncryptUpdate(context_.get(), out, &written, in, size) != 1 || written != size) {
    throw_openssl_failed();
  }
}

}  // namespace coppice
