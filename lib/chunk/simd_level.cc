#include "chunk/simd_level.h"

namespace coppice {

SimdLevel best_simd_level() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2"))
    return SimdLevel::avx512;
  if (__builtin_cpu_supports("avx2")) return SimdLevel::avx2;
  if (__builtin_cpu_supports("sse4.1")) return SimdLevel::sse41;
#endif
  return SimdLevel::portable;
}

}  // namespace coppice
