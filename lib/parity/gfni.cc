#include "parity/gfni.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace coppice::gfni {
namespace {

constexpr unsigned kPolynomial = 0x11d;

/// coefficient · 2^power.
unsigned times_power_of_two(unsigned coefficient, unsigned power) {
  for (; power > 0; --power) {
    coefficient <<= 1U;
    if ((coefficient & 0x100U) != 0) coefficient ^= kPolynomial;
  }
  return coefficient;
}

}  // namespace

std::uint64_t matrix_of(std::uint8_t coefficient) {
  std::uint64_t matrix = 0;
  for (unsigned column = 0; column < 8; ++column) {
    const unsigned product = times_power_of_two(coefficient, column);
    // The row of the highest bit of the result comes first, in the lowest byte.
    for (unsigned bit = 0; bit < 8; ++bit) {
      matrix |= std::uint64_t{(product >> bit) & 1U} << (8 * (7 - bit) + column);
    }
  }
  return matrix;
}

#if defined(__x86_64__)

namespace {

#define COPPICE_GFNI_TARGET __attribute__((target("gfni,avx512f,avx512bw")))

/// For `Rows` rows, whose sums stay in registers while all sectors pass by.
template <std::size_t Rows>
COPPICE_GFNI_TARGET void add_to_rows(std::span<const std::uint8_t* const> sectors,
                                     const std::uint64_t* matrices, std::size_t stride,
                                     std::uint8_t* const* rows) {
  constexpr std::size_t kStep = 64;
  // The sectors lie in pages far from each other, where the processor's own prefetching begins
  // anew: an eighth more speed.
  constexpr std::size_t kAhead = 8 * kStep;
  for (std::size_t at = 0; at < ParityGeometry::kSectorBytes; at += kStep) {
    __m512i sums[Rows];
    for (std::size_t row = 0; row < Rows; ++row) sums[row] = _mm512_loadu_si512(rows[row] + at);
    for (std::size_t s = 0; s < sectors.size(); ++s) {
      const __m512i bytes = _mm512_loadu_si512(sectors[s] + at);
      _mm_prefetch(sectors[s] + at + kAhead, _MM_HINT_T0);
      for (std::size_t row = 0; row < Rows; ++row) {
        const __m512i matrix =
            _mm512_set1_epi64(static_cast<long long>(matrices[row * stride + s]));
        sums[row] = _mm512_xor_si512(sums[row], _mm512_gf2p8affine_epi64_epi8(bytes, matrix, 0));
      }
    }
    for (std::size_t row = 0; row < Rows; ++row) _mm512_storeu_si512(rows[row] + at, sums[row]);
  }
}

#undef COPPICE_GFNI_TARGET

}  // namespace

bool is_available() {
  return __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw");
}

void add_products(std::span<const std::uint8_t* const> sectors, const std::uint64_t* matrices,
                  std::size_t stride, std::span<std::uint8_t* const> rows) {
  constexpr std::size_t kTogether = 8;  // as many as the default geometry has
  std::size_t row = 0;
  for (; row + kTogether <= rows.size(); row += kTogether)
    add_to_rows<kTogether>(sectors, matrices + row * stride, stride, &rows[row]);
  for (; row < rows.size(); ++row)
    add_to_rows<1>(sectors, matrices + row * stride, stride, &rows[row]);
}

#else

bool is_available() { return false; }

void add_products(std::span<const std::uint8_t* const>, const std::uint64_t*, std::size_t,
                  std::span<std::uint8_t* const>) {}

#endif

}  // namespace coppice::gfni
