#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/secret.h"
#include "chunk/simd_level.h"

namespace coppice {

/// The constants of the candidate hash, from the chunker secret (docs/format.md, "Cutting").
struct CandidateKey {
  /// multiplier^1, ^2, ^4, ^8 mod 2^16; what prefix doubling multiplies by.
  std::array<std::uint16_t, 4> powers{};
  /// Added to the hash before it is compared.
  std::uint16_t offset = 0;
};

/// Finds the positions that may become cuts: those whose last 32 bytes, read as 16 little-endian
/// 16-bit words w[0] … w[15], hash to
///   (w[0]·m^15 + w[1]·m^14 + … + w[15] + offset) mod 2^16 < kThreshold,
/// about one in 512. Immutable, shared by threads.
///
/// Why SIMD can do this: the hash over 2k words is m^k times the hash over the first k plus that
/// over the last k, so four multiply-adds of a vector with its shifted self hash every position at
/// once, without a table. Why words and not bytes: a fifth of the work less, since a load already
/// is a vector of hashes over two bytes.
class CandidateFinder {
 public:
  static constexpr std::size_t kWindow = 32;
  static constexpr std::uint16_t kThreshold = 128;
  /// Positions per mask.
  static constexpr std::size_t kMaskBits = 64;
  /// `find` may be called only for positions with as many bytes before them.
  static constexpr std::size_t kLookBehind = 72;
  /// The most masks that one `find` fills.
  static constexpr std::size_t kMaxMasks = 32;
  /// How far ahead the kernels ask the CPU for bytes: vectors outrun its own prefetching.
  static constexpr std::size_t kPrefetchDistance = 1024;

  /// Derives the constants. Throws Error{failed} if this CPU lacks `level`.
  CandidateFinder(const Secret32& chunker_secret, SimdLevel level);

  /// Sets bit j of masks[i] if and only if the position 64·i + j bytes after `first` is a
  /// candidate; position 0 is judged by the 32 bytes before `first`, and position `positions` - 1
  /// is the last. Requires 1 <= positions <= 64·kMaxMasks and the bytes first[-kLookBehind] …
  /// first[positions - 2]; reads no others. Returns how many masks were filled: positions / 64,
  /// rounded up.
  std::size_t find(const std::uint8_t* first, std::size_t positions,
                   std::span<std::uint64_t, kMaxMasks> masks) const;

 private:
  /// Fills `count` whole masks; reads first[-kLookBehind] … first[64·count - 1].
  using Kernel = void (*)(const CandidateKey& key, const std::uint8_t* first, std::size_t count,
                          std::uint64_t* masks);

  CandidateKey key_;
  Kernel kernel_;
};

/// One CandidateFinder::Kernel per instruction set; those for x86 exist only there.
void find_candidates_portable(const CandidateKey& key, const std::uint8_t* first, std::size_t count,
                              std::uint64_t* masks);
void find_candidates_sse41(const CandidateKey& key, const std::uint8_t* first, std::size_t count,
                           std::uint64_t* masks);
void find_candidates_avx2(const CandidateKey& key, const std::uint8_t* first, std::size_t count,
                          std::uint64_t* masks);
void find_candidates_avx512(const CandidateKey& key, const std::uint8_t* first, std::size_t count,
                            std::uint64_t* masks);

}  // namespace coppice
