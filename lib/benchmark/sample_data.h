#pragma once
#include <cstddef>

#include "base/bytes.h"

namespace coppice {

/// What speed is measured on, the same on every machine.

/// Bytes that do not compress.
Bytes sample_noise(std::size_t size);
/// Lines like those of a program: words that recur, statements that differ a little. They compress
/// about as source code does in blocks of 2 MiB.
Bytes sample_text(std::size_t size);

}  // namespace coppice
