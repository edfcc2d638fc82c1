#pragma once
#include <cstdint>

#include "base/id.h"

namespace coppice {

/// The first eight bytes of an id as a number, which orders as ids do, on machines of either byte
/// order. Compilers make one load of it, and a swap where that is needed.
inline std::uint64_t leading_number(const Id& id) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | id.bytes[i];
  return number;
}

}  // namespace coppice
