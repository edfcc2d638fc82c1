#pragma once

namespace coppice {

/// The instruction sets that the chunker has code for, in ascending order; all give identical cuts.
enum class SimdLevel { portable, sse41, avx2, avx512 };

/// The best that this CPU (and its operating system) can run; always `portable` off x86-64.
SimdLevel best_simd_level();

}  // namespace coppice
