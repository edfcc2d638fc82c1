// The keyed second stage with the AES instructions of x86: the four inner blocks go through the
// rounds side by side.
#if defined(__x86_64__)
#include <immintrin.h>

#include "chunk/cut_prf.h"

#define COPPICE_AES_NI __attribute__((target("aes,sse4.1"), always_inline)) inline

namespace coppice {
namespace {

COPPICE_AES_NI __m128i load_block(const std::uint8_t* bytes, std::size_t index) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes) + index);
}

/// The next round key of FIPS 197, section 5.2; kConstant is that round's constant.
template <int kConstant>
COPPICE_AES_NI __m128i next_round_key(__m128i key, __m128i*& out) {
  const __m128i word = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, kConstant), 0xFF);
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  key = _mm_xor_si128(key, word);
  _mm_storeu_si128(out++, key);
  return key;
}

}  // namespace

bool has_aes_ni() { return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1"); }

__attribute__((target("aes,sse4.1"))) void expand_key_aes_ni(const CutPrf::Key& key,
                                                             CutPrf::RoundKeys& round_keys) {
  auto* out = reinterpret_cast<__m128i*>(round_keys.mutable_view().data());
  __m128i last = load_block(key.view().data(), 0);
  _mm_storeu_si128(out++, last);
  last = next_round_key<0x01>(last, out);
  last = next_round_key<0x02>(last, out);
  last = next_round_key<0x04>(last, out);
  last = next_round_key<0x08>(last, out);
  last = next_round_key<0x10>(last, out);
  last = next_round_key<0x20>(last, out);
  last = next_round_key<0x40>(last, out);
  last = next_round_key<0x80>(last, out);
  last = next_round_key<0x1B>(last, out);
  next_round_key<0x36>(last, out);
}

__attribute__((target("aes,sse4.1"))) void evaluate_aes_ni(const CutPrf::Key& key,
                                                           const CutPrf::RoundKeys& round_keys,
                                                           const std::uint8_t* window,
                                                           std::array<std::uint8_t, 16>& out) {
  const std::uint8_t* masks = key.view().data() + 16;
  const std::uint8_t* rounds = round_keys.view().data();
  __m128i block[4];
  const __m128i whitening = load_block(rounds, 0);
  for (std::size_t i = 0; i < 4; ++i) {
    block[i] = _mm_xor_si128(load_block(window, i), _mm_xor_si128(load_block(masks, i), whitening));
  }
  for (std::size_t round = 1; round < 10; ++round) {
    const __m128i round_key = load_block(rounds, round);
    for (__m128i& one : block) one = _mm_aesenc_si128(one, round_key);
  }
  const __m128i last_key = load_block(rounds, 10);
  __m128i tag = _mm_xor_si128(load_block(masks, 4), whitening);
  for (const __m128i& one : block) tag = _mm_xor_si128(tag, _mm_aesenclast_si128(one, last_key));
  for (std::size_t round = 1; round < 10; ++round)
    tag = _mm_aesenc_si128(tag, load_block(rounds, round));
  tag = _mm_aesenclast_si128(tag, last_key);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.data()), tag);
}

}  // namespace coppice
#endif
