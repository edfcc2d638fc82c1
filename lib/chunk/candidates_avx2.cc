// The candidate hash with AVX2, 32 positions a step: sixteen windows that end in the upper byte of
// a 16-bit lane
// (`odd`) and sixteen that end in the lower one (`even`, loaded one byte earlier).
#if defined(__x86_64__)
#include <immintrin.h>

#include "chunk/candidates.h"

#define COPPICE_AVX2 __attribute__((target("avx2"), always_inline)) inline

namespace coppice {
namespace {

struct Constants {
  __m256i power[4];
  __m256i offset;
  __m256i limit;
};

/// Hashes over 4, 8 and 16 bytes of the step before.
struct Lanes {
  __m256i span4;
  __m256i span8;
  __m256i span16;
};

COPPICE_AVX2 __m256i load_words(const std::uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}

/// The 16 bytes before `now` and its lower 16: AVX2 shifts bytes only within halves.
COPPICE_AVX2 __m256i half_step_back(__m256i before, __m256i now) {
  return _mm256_permute2x128_si256(before, now, 0x21);
}

/// Sixteen windows whose last words begin at `words`; all bits of a lane are set if it is a
/// candidate.
COPPICE_AVX2 __m256i step(const Constants& key, const std::uint8_t* words, Lanes& before) {
  const __m256i span4 =
      _mm256_add_epi16(_mm256_mullo_epi16(key.power[0], load_words(words - 2)), load_words(words));
  const __m256i earlier4 = _mm256_alignr_epi8(span4, half_step_back(before.span4, span4), 12);
  const __m256i span8 = _mm256_add_epi16(_mm256_mullo_epi16(earlier4, key.power[1]), span4);
  const __m256i earlier8 = _mm256_alignr_epi8(span8, half_step_back(before.span8, span8), 8);
  const __m256i span16 = _mm256_add_epi16(_mm256_mullo_epi16(earlier8, key.power[2]), span8);
  const __m256i earlier16 = half_step_back(before.span16, span16);
  const __m256i span32 = _mm256_add_epi16(_mm256_mullo_epi16(earlier16, key.power[3]), span16);
  before = {span4, span8, span16};
  return _mm256_cmpgt_epi16(key.limit, _mm256_add_epi16(span32, key.offset));
}

/// The 32 positions of which the first is judged by the bytes before `first`.
COPPICE_AVX2 std::uint32_t step_both(const Constants& key, const std::uint8_t* first, Lanes& odd,
                                     Lanes& even) {
  const __m256i in_odd = step(key, first - 1, odd);
  const __m256i in_even = step(key, first - 2, even);
  const __m256i odd_bytes = _mm256_set1_epi16(static_cast<short>(0xFF00));
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_blendv_epi8(in_even, in_odd, odd_bytes)));
}

}  // namespace

__attribute__((target("avx2"))) void find_candidates_avx2(const CandidateKey& key,
                                                          const std::uint8_t* first,
                                                          std::size_t count, std::uint64_t* masks) {
  Constants constants;
  for (std::size_t i = 0; i < key.powers.size(); ++i) {
    constants.power[i] = _mm256_set1_epi16(static_cast<short>(key.powers[i]));
  }
  // AVX2 compares signed: both sides are moved down by 2^15.
  constants.offset = _mm256_set1_epi16(static_cast<short>(key.offset - 0x8000));
  constants.limit = _mm256_set1_epi16(static_cast<short>(CandidateFinder::kThreshold - 0x8000));
  Lanes odd{};
  Lanes even{};
  // One step before the first fills `odd` and `even`: a window reaches 32 bytes back.
  step_both(constants, first - 32, odd, even);
  for (std::size_t i = 0; i < count; ++i) {
    _mm_prefetch(first + CandidateFinder::kPrefetchDistance, _MM_HINT_T0);
    const std::uint64_t lower = step_both(constants, first, odd, even);
    const std::uint64_t upper = step_both(constants, first + 32, odd, even);
    masks[i] = lower | upper << 32;
    first += CandidateFinder::kMaskBits;
  }
}

}  // namespace coppice
#endif
