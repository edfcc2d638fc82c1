#include "compress/probe.h"

#include <array>

#include "base/units.h"

namespace coppice {
namespace {

constexpr std::size_t kMinBytes = 4 * kKiB;
constexpr std::size_t kSamples = 16;
constexpr std::size_t kSampleBytes = kKiB;

/// How often each byte value occurs in a sample of the data.
class Histogram {
 public:
  void add(ByteView bytes) {
    for (const std::uint8_t byte : bytes) ++counts_[byte];
    total_ += bytes.size();
  }

  /// Σp²·256 - 1: 0 if all values are equally frequent, 255 if there is only one; without the bias
  /// of the sample.
  double unevenness() const {
    std::uint64_t squares = 0;
    for (const std::uint64_t count : counts_) squares += count * count;
    const auto n = static_cast<double>(total_);
    return static_cast<double>(squares) * 256 / (n * n) - 1 - bias(n);
  }

  /// n bytes from an even source look uneven by chance: n·(Σp²·256 - 1) is chi-squared with 255
  /// degrees of freedom, whose mean is 255.
  static constexpr double bias(double n) { return 255 / n; }

 private:
  std::array<std::uint64_t, 256> counts_{};
  std::size_t total_ = 0;
};

/// Σp²·256 < 1.08 over 16 KiB, with the bias (0.0156) taken off so that it holds for any sample
/// size: 0.064. The standard deviation, sqrt(2·255) / n, is 0.0014 at 16 KiB and 0.0055 at 4 KiB,
/// so random bytes stay far below.
constexpr double kMaxUnevenness = 0.08 - Histogram::bias(kSamples * kSampleBytes);

}  // namespace

bool looks_incompressible(ByteView data) {
  if (data.size() < kMinBytes) return false;
  Histogram histogram;
  if (data.size() <= kSamples * kSampleBytes) {
    histogram.add(data);
  } else {
    // The first sample begins the data, the last one ends it.
    const std::size_t span = data.size() - kSampleBytes;
    for (std::size_t i = 0; i < kSamples; ++i) {
      histogram.add(data.subspan(span * i / (kSamples - 1), kSampleBytes));
    }
  }
  return histogram.unevenness() < kMaxUnevenness;
}

}  // namespace coppice
