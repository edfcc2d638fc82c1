#include "parity/geometry.h"

#include <algorithm>

#include "base/error.h"

namespace coppice {
namespace {

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) { return (value + by - 1) / by; }

}  // namespace

ParityGeometry ParityGeometry::from_percent(unsigned percent) {
  if (percent < 1 || percent > 50) {
    throw Error(ErrorKind::usage, "parity must be between 1 and 50 percent");
  }
  // parity / data >= percent / 100 with parity + data = 255, so parity >= 255 p / (100 + p).
  const auto parity =
      static_cast<unsigned>(divide_up(std::uint64_t{kMaxSectorsPerWord} * percent, 100 + percent));
  return {.data = kMaxSectorsPerWord - parity, .parity = parity};
}

ParityLayout::ParityLayout(ParityGeometry geometry, std::uint64_t object_length)
    : geometry_(geometry),
      object_length_(object_length),
      data_sectors_(divide_up(object_length, ParityGeometry::kSectorBytes)),
      code_words_(divide_up(data_sectors_, geometry.data)),
      pages_(std::max<std::uint64_t>(1, divide_up(table_bytes(), kTableBytesPerPage))) {}

std::uint64_t ParityLayout::page_offset(unsigned copy, std::uint64_t page) const {
  // Copy 0 stands before the parity sectors, 1 and 2 behind them: no burst shorter than the parity
  // takes all three.
  const std::uint64_t sectors_before = copy == 0 ? 0 : parity_sectors();
  return (sectors_before + copy * pages_ + page) * kPageBytes;
}

std::uint32_t ParityLayout::bytes_in(std::uint64_t data_sector) const {
  const std::uint64_t start = data_sector * ParityGeometry::kSectorBytes;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(ParityGeometry::kSectorBytes, object_length_ - start));
}

std::uint64_t parity_file_size(ParityGeometry geometry, std::uint64_t object_length) {
  return ParityLayout(geometry, object_length).file_bytes();
}

}  // namespace coppice
