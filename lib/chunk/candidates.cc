#include "chunk/candidates.h"

#include <algorithm>

#include "base/error.h"
#include "chunk/subkey.h"

namespace coppice {
namespace {

/// True if some run of one byte value would be a candidate all along.
bool makes_runs_candidates(std::uint16_t run_of_ones_hash, std::uint16_t offset) {
  for (std::uint32_t value = 0; value < 256; ++value) {
    const auto hash = static_cast<std::uint16_t>(value * run_of_ones_hash + offset);
    if (hash < CandidateFinder::kThreshold) return true;
  }
  return false;
}

CandidateKey derive_key(const Secret32& chunker_secret) {
  Secret<4> seed;
  derive_chunker_subkey(chunker_secret, "coppice/1 chunker hash", seed.mutable_view());
  const ByteView bytes = seed.view();
  // 5 mod 8: the powers then run through the longest cycle there is modulo 2^16 (2^14 of them).
  auto power = static_cast<std::uint16_t>(((bytes[0] | bytes[1] << 8) & 0xFFF8) | 5);
  CandidateKey key;
  // The hash of a window of 32 ones, doubled up like any other.
  std::uint16_t ones = 0x0101;
  for (std::uint16_t& slot : key.powers) {
    slot = power;
    ones = static_cast<std::uint16_t>(std::uint32_t{ones} * power + ones);
    power = static_cast<std::uint16_t>(std::uint32_t{power} * power);
  }
  // Terminates: 256 runs forbid at most 256 · 128 of the 2^16 offsets, half of them.
  key.offset = static_cast<std::uint16_t>(bytes[2] | bytes[3] << 8);
  while (makes_runs_candidates(ones, key.offset)) ++key.offset;
  return key;
}

}  // namespace

CandidateFinder::CandidateFinder(const Secret32& chunker_secret, SimdLevel level)
    : key_(derive_key(chunker_secret)), kernel_(find_candidates_portable) {
  if (level > best_simd_level()) {
    throw Error(ErrorKind::failed, "this CPU lacks the instructions asked of the chunker");
  }
#if defined(__x86_64__)
  if (level == SimdLevel::sse41) kernel_ = find_candidates_sse41;
  if (level == SimdLevel::avx2) kernel_ = find_candidates_avx2;
  if (level == SimdLevel::avx512) kernel_ = find_candidates_avx512;
#endif
}

std::size_t CandidateFinder::find(const std::uint8_t* first, std::size_t positions,
                                  std::span<std::uint64_t, kMaxMasks> masks) const {
  const std::size_t whole = positions / kMaskBits;
  if (whole != 0) kernel_(key_, first, whole, masks.data());
  const std::size_t rest = positions % kMaskBits;
  if (rest == 0) return whole;
  // The kernel reads whole masks' worth of bytes: give it a copy that is long enough.
  std::array<std::uint8_t, kLookBehind + kMaskBits> tail{};
  const std::uint8_t* tail_first = first + whole * kMaskBits;
  std::copy(tail_first - kLookBehind, tail_first + rest - 1, tail.begin());
  kernel_(key_, tail.data() + kLookBehind, 1, &masks[whole]);
  masks[whole] &= (std::uint64_t{1} << rest) - 1;
  return whole + 1;
}

}  // namespace coppice
