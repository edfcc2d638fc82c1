// Two stages: CandidateFinder looks at every position and is fast, CutPrf looks at one in about 575
// and is keyed. Candidates within 64 bytes of the last one that was judged are passed over, so no
// input whatever can ask for more than one AES evaluation per 64 bytes.
#include "chunk/chunker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"

namespace coppice {
namespace {

/// Candidates nearer than this behind the last judged one are passed over. One mask's worth, so
/// that a mask never has two to judge.
constexpr std::size_t kSpacing = CandidateFinder::kMaskBits;
static_assert(ChunkerParams::kMinAverage / 4 >= CandidateFinder::kLookBehind);
static_assert(ChunkerParams::kMinAverage / 4 >= CutPrf::kWindow);

/// Below the average a candidate cuts if its draw (32 bits) is below this, from the average on if
/// it is below kLoosening times this (normalised chunking, after FastCDC: lengths gather around the
/// average, so that a change spoils fewer bytes and hardly a chunk is cut by force). By
/// log2(average) - 14. Derivation: positions from min to max are candidates with probability 1/512
/// each; after a judged one the next 63 are passed over; a judged one cuts with probability d below
/// the average and 16·d from there; the cut adds 2047.5 bytes of jitter on average; without a cut
/// the length is max. The d for which the mean of all this is the average, found by bisection over
/// the exact recurrence (docs/format.md, "Cutting"), times 2^32.
constexpr std::array<std::uint32_t, 9> kDecisionThresholds = {
    109700294, 41609322, 18182659, 8511783, 4119824, 2026955, 1005368, 500673, 249835};
constexpr std::uint32_t kLoosening = 16;
static_assert(kDecisionThresholds[0] < UINT32_MAX / kLoosening);

bool is_allowed(std::uint64_t average) {
  return std::has_single_bit(average) && average >= ChunkerParams::kMinAverage &&
         average <= ChunkerParams::kMaxAverage;
}

std::uint32_t decision_threshold(std::uint32_t average) {
  const int smallest = std::countr_zero(ChunkerParams::kMinAverage);
  return kDecisionThresholds[static_cast<std::size_t>(std::countr_zero(average) - smallest)];
}

/// Asks the PRF of one candidate after the other, for one call of next_cut.
class Judge {
 public:
  explicit Judge(const CutPrf& prf) : asker_(prf) {}

  /// The verdict on the candidate that the bytes before `end` make.
  CutVerdict judge(const std::uint8_t* end) {
    const std::uint8_t* window = end - CutPrf::kWindow;
    // Saves AES where a pattern repeats and happens to be full of candidates.
    const bool is_known = last_ != nullptr && std::memcmp(window, last_, CutPrf::kWindow) == 0;
    last_ = window;
    if (!is_known) verdict_ = asker_.ask(window);
    return verdict_;
  }

 private:
  CutPrf::Asker asker_;
  const std::uint8_t* last_ = nullptr;
  CutVerdict verdict_{};
};

}  // namespace

std::optional<ChunkerParams> ChunkerParams::try_with_average(std::uint64_t average) {
  if (!is_allowed(average)) return std::nullopt;
  return ChunkerParams{.average = static_cast<std::uint32_t>(average)};
}

ChunkerParams ChunkerParams::with_average(std::uint64_t average) {
  const std::optional<ChunkerParams> params = try_with_average(average);
  if (params) return *params;
  throw Error(ErrorKind::usage, "average chunk size " + std::to_string(average) +
                                    " is not a power of two between 16 KiB and 4 MiB");
}

Chunker::Chunker(const Secret32& chunker_secret, ChunkerParams params, SimdLevel level)
    : params_(ChunkerParams::with_average(params.average)),
      finder_(chunker_secret, level),
      prf_(chunker_secret, level),
      decision_threshold_(decision_threshold(params_.average)) {}

std::size_t Chunker::next_cut(ByteView data, bool at_end) const {
  const std::size_t max = params_.max();
  std::optional<std::size_t> cut = find_cut(data.first(std::min(data.size(), max)));
  if (!cut && data.size() >= max) cut = max;
  if (cut && *cut <= data.size()) return *cut;
  return at_end ? data.size() : 0;
}

/// The first cut that a candidate at min() … data.size() decides; it may lie beyond the end of
/// `data`.
std::optional<std::size_t> Chunker::find_cut(ByteView data) const {
  Judge judge(prf_);
  std::array<std::uint64_t, CandidateFinder::kMaxMasks> masks;
  std::size_t next_judged = 0;
  for (std::size_t batch = params_.min(); batch <= data.size(); batch += 64 * masks.size()) {
    const std::size_t positions = std::min(64 * masks.size(), data.size() + 1 - batch);
    const std::size_t count = finder_.find(data.data() + batch, positions, masks);
    for (std::size_t i = 0; i < count; ++i) {
      if (masks[i] == 0) continue;
      const std::size_t base = batch + 64 * i;
      std::uint64_t mask = masks[i];
      if (next_judged > base) mask &= ~std::uint64_t{0} << (next_judged - base);
      if (mask == 0) continue;
      const std::size_t position = base + static_cast<std::size_t>(std::countr_zero(mask));
      const CutVerdict verdict = judge.judge(data.data() + position);
      const std::uint32_t factor = position < params_.average ? 1 : kLoosening;
      if (verdict.draw < factor * decision_threshold_) return position + verdict.jitter;
      next_judged = position + kSpacing;
    }
  }
  return std::nullopt;
}

}  // namespace coppice
