#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace coppice::bench {

/// The yardstick: FastCDC with normalised chunking of level 2 (Xia et al., ATC 2016), and its
/// variant that rolls two bytes a step (Xia et al., TPDS 2020). Same minimum and maximum as
/// coppice; the point where the mask loosens is set so that the mean length over random bytes is
/// `average` too.
class FastCdc {
 public:
  explicit FastCdc(std::size_t average);

  /// Length of the chunk at data[0]; `data` is the rest of the stream.
  std::size_t next_cut_plain(ByteView data) const;
  std::size_t next_cut_unrolled(ByteView data) const;

 private:
  std::size_t min_;
  std::size_t normal_;
  std::size_t max_;
  std::uint64_t strict_mask_;
  std::uint64_t loose_mask_;
  std::array<std::uint64_t, 256> gear_{};
  std::array<std::uint64_t, 256> gear_shifted_{};
};

}  // namespace coppice::bench
