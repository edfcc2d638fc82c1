#pragma once
#include <cstddef>

#include "base/bytes.h"
#include "base/units.h"

namespace coppice {

/// Room for bytes that are about to be overwritten whole, kept for the next use: a fresh buffer
/// would be cleared each time, which costs a tenth of a restore. Not thread-safe.
class ReusedBuffer {
 public:
  /// `size` bytes of any content, until the next call.
  MutableByteView room(std::size_t size) {
    if (size <= kKeptBytes && bytes_.size() > kKeptBytes) bytes_ = Bytes();
    if (bytes_.size() < size) bytes_.resize(size);
    return MutableByteView(bytes_).first(size);
  }

 private:
  /// Larger rooms, which only hostile or foreign repositories ask for, are not kept for smaller
  /// ones.
  static constexpr std::size_t kKeptBytes = 4 * kMiB;

  Bytes bytes_;
};

}  // namespace coppice
