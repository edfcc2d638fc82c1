// The candidate hash in plain C++: the passes are simple loops over arrays that compilers turn into
// whatever vectors the machine has (SSE2, NEON, VX). Only bytes are read, so byte order does not
// matter.
#include <algorithm>

#include "chunk/candidates.h"

namespace coppice {
namespace {

/// Positions hashed at a time: the array of their hashes stays in the first-level cache.
constexpr std::size_t kStripe = 8 * CandidateFinder::kMaskBits;

/// One doubling: from hashes over `kSpan` bytes to hashes over twice as many, each indexed by its
/// first byte. The span is a constant so that compilers see that the loop may become vectors.
template <std::size_t kSpan>
void double_span(std::uint16_t* hashes, std::size_t positions, std::uint16_t power) {
  // The doublings still to come reach this far beyond the last position.
  const std::size_t count = positions + CandidateFinder::kWindow - 2 * kSpan;
  for (std::size_t i = 0; i < count; ++i) {
    hashes[i] = static_cast<std::uint16_t>(std::uint32_t{hashes[i]} * power + hashes[i + kSpan]);
  }
}

std::uint64_t mask_of(const std::uint16_t* hashes, std::uint16_t offset) {
  std::uint16_t any = 0;
  for (std::size_t j = 0; j < CandidateFinder::kMaskBits; ++j) {
    const auto sum = static_cast<std::uint16_t>(hashes[j] + offset);
    any = static_cast<std::uint16_t>(any | (sum < CandidateFinder::kThreshold ? 1 : 0));
  }
  if (any == 0) return 0;
  std::uint64_t mask = 0;
  for (std::size_t j = 0; j < CandidateFinder::kMaskBits; ++j) {
    const auto sum = static_cast<std::uint16_t>(hashes[j] + offset);
    mask |= std::uint64_t{sum < CandidateFinder::kThreshold} << j;
  }
  return mask;
}

}  // namespace

void find_candidates_portable(const CandidateKey& key, const std::uint8_t* first, std::size_t count,
                              std::uint64_t* masks) {
  std::array<std::uint16_t, kStripe + CandidateFinder::kWindow> hashes;
  for (std::size_t done = 0; done < count * CandidateFinder::kMaskBits; done += kStripe) {
    const std::size_t positions = std::min(kStripe, count * CandidateFinder::kMaskBits - done);
    const std::uint8_t* window = first + done - CandidateFinder::kWindow;
    for (std::size_t i = 0; i < positions + CandidateFinder::kWindow - 2; ++i) {
      hashes[i] = static_cast<std::uint16_t>(window[i] | window[i + 1] << 8);
    }
    double_span<2>(hashes.data(), positions, key.powers[0]);
    double_span<4>(hashes.data(), positions, key.powers[1]);
    double_span<8>(hashes.data(), positions, key.powers[2]);
    double_span<16>(hashes.data(), positions, key.powers[3]);
    for (std::size_t i = 0; i < positions; i += CandidateFinder::kMaskBits) {
      *masks++ = mask_of(hashes.data() + i, key.offset);
    }
  }
}

}  // namespace coppice
