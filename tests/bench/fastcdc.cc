#include "fastcdc.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace coppice::bench {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

/// `bits` ones spread over the upper 48 bits, as the paper does, so that a window of 48 bytes
/// counts. The top bit is left out: the unrolled variant tests the mask shifted left by one.
std::uint64_t spread_mask(int bits) {
  std::uint64_t mask = 0;
  for (int i = 0; i < bits; ++i) mask |= std::uint64_t{1} << (62 - i * 46 / bits);
  return mask;
}

/// Mean length over random bytes if the mask loosens at `normal`.
// NOLINTNEXTLINE(bugprone-easily-swappable-parameters): called once
double mean_length(double average, double normal) {
  const double min = average / 4;
  const double max = average * 4;
  const double strict = 1 / (average * 4);
  const double loose = 1 / (average / 4);
  const double survive_strict = std::pow(1 - strict, normal - min);
  const double survive_loose = std::pow(1 - loose, max - normal);
  return min + (1 - survive_strict) / strict + survive_strict * (1 - survive_loose) / loose;
}

}  // namespace

FastCdc::FastCdc(std::size_t average) : min_(average / 4), normal_(average), max_(average * 4) {
  const int bits = std::countr_zero(average);
  strict_mask_ = spread_mask(bits + 2);
  loose_mask_ = spread_mask(bits - 2);
  double low = static_cast<double>(min_);
  double high = static_cast<double>(max_);
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    const double mean = mean_length(static_cast<double>(average), middle);
    (mean < static_cast<double>(average) ? low : high) = middle;
  }
  normal_ = static_cast<std::size_t>(low) / 2 * 2;
  std::uint64_t state = 42;
  for (std::size_t i = 0; i < gear_.size(); ++i) {
    gear_[i] = split_mix(state);
    gear_shifted_[i] = gear_[i] << 1;
  }
}

std::size_t FastCdc::next_cut_plain(ByteView data) const {
  const std::uint8_t* bytes = data.data();
  const std::size_t end = std::min(data.size(), max_);
  const std::size_t normal = std::min(end, normal_);
  std::uint64_t hash = 0;
  std::size_t i = min_;
  for (; i < normal; ++i) {
    hash = (hash << 1) + gear_[bytes[i]];
    if ((hash & strict_mask_) == 0) return i + 1;
  }
  for (; i < end; ++i) {
    hash = (hash << 1) + gear_[bytes[i]];
    if ((hash & loose_mask_) == 0) return i + 1;
  }
  return end;
}

std::size_t FastCdc::next_cut_unrolled(ByteView data) const {
  const std::uint8_t* bytes = data.data();
  const std::size_t end = std::min(data.size(), max_) / 2 * 2;
  const std::size_t normal = std::min(end, normal_);
  std::uint64_t hash = 0;
  std::size_t i = min_;
  const auto scan = [&](std::size_t limit, std::uint64_t mask) {
    const std::uint64_t shifted_mask = mask << 1;
    for (; i < limit; i += 2) {
      hash = (hash << 2) + gear_shifted_[bytes[i]];
      if ((hash & shifted_mask) == 0) return i + 1;
      hash += gear_[bytes[i + 1]];
      if ((hash & mask) == 0) return i + 2;
    }
    return std::size_t{0};
  };
  if (const std::size_t cut = scan(normal, strict_mask_)) return cut;
  if (const std::size_t cut = scan(end, loose_mask_)) return cut;
  return std::min(data.size(), max_);
}

}  // namespace coppice::bench
