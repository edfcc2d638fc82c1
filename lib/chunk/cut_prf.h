#pragma once
#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/secret.h"
#include "chunk/simd_level.h"

namespace coppice {

/// What the keyed second stage says of a candidate.
struct CutVerdict {
  std::uint32_t
      draw;  ///< uniform in 32 bits: a cut if below a threshold that depends on the average
  std::uint32_t jitter;  ///< uniform in 0 … 4095: how far behind the candidate the cut lies
};

/// A pseudo-random function of 64 bytes, from AES-128 in the manner of PMAC (docs/format.md,
/// "Cutting"):
///   T = AES(m4 ⊕ AES(w0 ⊕ m0) ⊕ AES(w1 ⊕ m1) ⊕ AES(w2 ⊕ m2) ⊕ AES(w3 ⊕ m3))
/// with a secret key and five secret masks. The four inner calls are independent, which hides most
/// of their latency (a CBC-MAC takes twice as long). Immutable, shared by threads.
class CutPrf {
 public:
  static constexpr std::size_t kWindow = 64;
  /// The AES-128 key, then the five masks.
  using Key = Secret<std::size_t{6} * 16>;
  /// The eleven round keys of AES-128.
  using RoundKeys = Secret<std::size_t{11} * 16>;

  /// Uses the CPU's own AES instructions if `level` is above portable and it has them, else
  /// OpenSSL. Throws Error{failed} if OpenSSL fails.
  CutPrf(const Secret32& chunker_secret, SimdLevel level);
  ~CutPrf();
  CutPrf(CutPrf&&) noexcept;
  CutPrf& operator=(CutPrf&&) noexcept;

  /// One thread's way to ask; cheap to make, because OpenSSL's context is made at the first
  /// question. The CutPrf must outlive it.
  class Asker {
   public:
    explicit Asker(const CutPrf& prf);
    ~Asker();
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    /// Judges the kWindow bytes at `window`. Throws Error{failed} if OpenSSL fails.
    CutVerdict ask(const std::uint8_t* window);

   private:
    void encrypt(const std::uint8_t* in, std::uint8_t* out, int size);

    const CutPrf& prf_;
    std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context_;
  };

 private:
  Key key_;
  RoundKeys round_keys_;
  bool has_aes_ni_ = false;
  std::unique_ptr<EVP_CIPHER, void (*)(EVP_CIPHER*)> cipher_;
};

/// The same function with the instructions of x86; only where it has_aes_ni().
bool has_aes_ni();
void expand_key_aes_ni(const CutPrf::Key& key, CutPrf::RoundKeys& round_keys);
void evaluate_aes_ni(const CutPrf::Key& key, const CutPrf::RoundKeys& round_keys,
                     const std::uint8_t* window, std::array<std::uint8_t, 16>& out);

}  // namespace coppice
