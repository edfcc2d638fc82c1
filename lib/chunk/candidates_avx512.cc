// The candidate hash with AVX-512BW, 64 positions a step: thirty-two windows that end in the upper
// byte of a 16-bit lane (`odd`) and as many that end in the lower one (`even`, loaded one byte
// earlier).
#if defined(__x86_64__)
#include <immintrin.h>

#include "chunk/candidates.h"

#define COPPICE_AVX512 __attribute__((target("avx512f,avx512bw,bmi2"), always_inline)) inline

namespace coppice {
namespace {

struct Constants {
  __m512i power[4];
  __m512i offset;
  __m512i threshold;
};

/// Hashes over 4, 8 and 16 bytes of the step before.
struct Lanes {
  __m512i span4;
  __m512i span8;
  __m512i span16;
};

COPPICE_AVX512 __m512i load_words(const std::uint8_t* bytes) { return _mm512_loadu_si512(bytes); }

/// Thirty-two windows whose last words begin at `words`; one bit each, set for a candidate.
/// The shifts are masked with all ones because g++ 12 warns of an uninitialised value in its own
/// unmasked ones.
COPPICE_AVX512 std::uint32_t step(const Constants& key, const std::uint8_t* words, Lanes& before) {
  const __m512i span4 =
      _mm512_add_epi16(_mm512_mullo_epi16(key.power[0], load_words(words - 2)), load_words(words));
  const __m512i earlier4 = _mm512_maskz_alignr_epi32(0xFFFF, span4, before.span4, 15);
  const __m512i span8 = _mm512_add_epi16(_mm512_mullo_epi16(earlier4, key.power[1]), span4);
  const __m512i earlier8 = _mm512_maskz_alignr_epi64(0xFF, span8, before.span8, 7);
  const __m512i span16 = _mm512_add_epi16(_mm512_mullo_epi16(earlier8, key.power[2]), span8);
  const __m512i earlier16 = _mm512_maskz_alignr_epi64(0xFF, span16, before.span16, 6);
  const __m512i span32 = _mm512_add_epi16(_mm512_mullo_epi16(earlier16, key.power[3]), span16);
  before = {span4, span8, span16};
  return _mm512_cmplt_epu16_mask(_mm512_add_epi16(span32, key.offset), key.threshold);
}

}  // namespace

__attribute__((target("avx512f,avx512bw,bmi2"))) void find_candidates_avx512(
    const CandidateKey& key, const std::uint8_t* first, std::size_t count, std::uint64_t* masks) {
  Constants constants;
  for (std::size_t i = 0; i < key.powers.size(); ++i) {
    constants.power[i] = _mm512_set1_epi16(static_cast<short>(key.powers[i]));
  }
  constants.offset = _mm512_set1_epi16(static_cast<short>(key.offset));
  constants.threshold = _mm512_set1_epi16(static_cast<short>(CandidateFinder::kThreshold));
  Lanes odd{};
  Lanes even{};
  // One step before the first fills `odd` and `even`: a window reaches 32 bytes back.
  step(constants, first - 64 - 1, odd);
  step(constants, first - 64 - 2, even);
  for (std::size_t i = 0; i < count; ++i) {
    _mm_prefetch(first + CandidateFinder::kPrefetchDistance, _MM_HINT_T0);
    const std::uint64_t in_odd = step(constants, first - 1, odd);
    const std::uint64_t in_even = step(constants, first - 2, even);
    masks[i] = _pdep_u64(in_odd, 0xAAAAAAAAAAAAAAAA) | _pdep_u64(in_even, 0x5555555555555555);
    first += CandidateFinder::kMaskBits;
  }
}

}  // namespace coppice
#endif
