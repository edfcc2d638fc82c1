#pragma once
#include <cstdint>

#include "crypto/random.h"

namespace coppice {

/// A random source for known answers: 0, 1, 2 … 255, 0, 1 …
class CountingRandom : public RandomSource {
 public:
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

}  // namespace coppice
