#include "verify/sample.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"

namespace coppice {
namespace {

std::uint64_t length_of(const std::vector<ObjectRef>& packs) {
  std::uint64_t total = 0;
  for (const ObjectRef& pack : packs) total += pack.length;
  return total;
}

/// Shuffled packs until `bytes` are reached. By bytes, so that a percentage means time.
std::vector<ObjectRef> take_random(std::vector<ObjectRef> packs, std::uint64_t bytes,
                                   RandomSource& random) {
  std::uint64_t seed = 0;
  random.fill({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
  std::shuffle(packs.begin(), packs.end(), std::mt19937_64(seed));
  std::uint64_t taken = 0;
  const auto end = std::find_if(packs.begin(), packs.end(), [&](const ObjectRef& pack) {
    if (taken > 0 && taken >= bytes) return true;
    taken += pack.length;
    return false;
  });
  packs.erase(end, packs.end());
  std::sort(packs.begin(), packs.end());
  return packs;
}

}  // namespace

std::vector<ObjectRef> take_sample(std::vector<ObjectRef> packs, const VerifySample& sample,
                                   RandomSource& random) {
  if (const auto* part = std::get_if<SamplePart>(&sample)) {
    if (part->number < 1 || part->number > part->parts)
      throw Error(ErrorKind::usage, "no such part to verify");
    // Names are hashes themselves, so evenly spread.
    std::erase_if(packs, [&](const ObjectRef& pack) {
      return pack.name.hash() % part->parts != part->number - 1;
    });
    return packs;
  }
  if (const auto* percent = std::get_if<SamplePercent>(&sample)) {
    const double share = percent->percent;
    if (!(share > 0 && share <= 100))
      throw Error(ErrorKind::usage, "a percentage must be above 0 and at most 100");
    const auto bytes =
        static_cast<std::uint64_t>(std::ceil(static_cast<double>(length_of(packs)) * share / 100));
    return take_random(std::move(packs), bytes, random);
  }
  return take_random(std::move(packs), std::get<SampleBytes>(sample).bytes, random);
}

}  // namespace coppice
