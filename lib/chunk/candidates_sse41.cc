// The candidate hash with SSE4.1, 16 positions a step: eight windows that end in the upper byte of
// a 16-bit lane
// (`odd`) and eight that end in the lower one (`even`, loaded one byte earlier).
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "chunk/candidates.h"

#define COPPICE_SSE41 __attribute__((target("sse4.1"), always_inline)) inline

namespace coppice {
namespace {

struct Constants {
  __m128i power[4];
  __m128i offset;
  __m128i limit;
};

/// Hashes over 4, 8 and 16 bytes of the step before.
struct Lanes {
  __m128i span4;
  __m128i span8;
  __m128i span16;
};

COPPICE_SSE41 __m128i load_words(const std::uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

/// Eight windows whose last words begin at `words`; all bits of a lane are set if it is a
/// candidate.
COPPICE_SSE41 __m128i step(const Constants& key, const std::uint8_t* words, Lanes& before) {
  const __m128i span4 =
      _mm_add_epi16(_mm_mullo_epi16(key.power[0], load_words(words - 2)), load_words(words));
  const __m128i earlier4 = _mm_alignr_epi8(span4, before.span4, 12);
  const __m128i span8 = _mm_add_epi16(_mm_mullo_epi16(earlier4, key.power[1]), span4);
  const __m128i earlier8 = _mm_alignr_epi8(span8, before.span8, 8);
  const __m128i span16 = _mm_add_epi16(_mm_mullo_epi16(earlier8, key.power[2]), span8);
  const __m128i span32 = _mm_add_epi16(_mm_mullo_epi16(before.span16, key.power[3]), span16);
  before = {span4, span8, span16};
  return _mm_cmplt_epi16(_mm_add_epi16(span32, key.offset), key.limit);
}

}  // namespace

__attribute__((target("sse4.1"))) void find_candidates_sse41(const CandidateKey& key,
                                                             const std::uint8_t* first,
                                                             std::size_t count,
                                                             std::uint64_t* masks) {
  Constants constants;
  for (std::size_t i = 0; i < key.powers.size(); ++i) {
    constants.power[i] = _mm_set1_epi16(static_cast<short>(key.powers[i]));
  }
  // SSE compares signed: both sides are moved down by 2^15.
  constants.offset = _mm_set1_epi16(static_cast<short>(key.offset - 0x8000));
  constants.limit = _mm_set1_epi16(static_cast<short>(CandidateFinder::kThreshold - 0x8000));
  const __m128i odd_bytes = _mm_set1_epi16(static_cast<short>(0xFF00));
  Lanes odd{};
  Lanes even{};
  const auto steps = static_cast<std::ptrdiff_t>(count * CandidateFinder::kMaskBits / 16);
  // Two steps before the first fill `odd` and `even`: a window reaches 32 bytes back.
  for (std::ptrdiff_t i = -2; i < steps; ++i) {
    const std::uint8_t* last = first + 16 * i - 1;
    const __m128i in_odd = step(constants, last, odd);
    const __m128i in_even = step(constants, last - 1, even);
    if (i < 0) continue;
    const int bits = _mm_movemask_epi8(_mm_blendv_epi8(in_even, in_odd, odd_bytes));
    const auto mask = static_cast<std::uint16_t>(bits);
    std::memcpy(reinterpret_cast<std::uint8_t*>(masks) + 2 * i, &mask, sizeof mask);
  }
}

}  // namespace coppice
#endif
