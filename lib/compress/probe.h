#pragma once
#include "base/bytes.h"

namespace coppice {

/// A quick guess, from byte frequencies alone, whether compressing is a waste of time
/// (docs/format.md, section 4): true for what is compressed, encrypted or random already. Reads at
/// most 16 KiB, spread over all of `data`: about 0.015 s per GB in blocks of 1 MiB.
///
/// Errs towards false, which costs only time, except that it does not see repeats: random bytes
/// that recur are called incompressible. Always false below 4 KiB, where there are too few bytes to
/// tell.
bool looks_incompressible(ByteView data);

}  // namespace coppice
