#pragma once
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "parity/geometry.h"

namespace coppice {

using SectorChecksum = std::array<std::uint8_t, ParityLayout::kChecksumBytes>;

/// CRC-64/XZ of a sector, least significant byte first: against accidents (2^-64 a sector), not
/// against forgery; what is healed is proved by the object's name. Nine times as fast as BLAKE3 of
/// so short a message (docs/decisions/0011).
SectorChecksum sector_checksum(ByteView sector);

/// Cuts a stream of pieces of any size into sectors without copying those that lie in one piece.
class SectorCutter {
 public:
  /// Calls use(ByteView of kSectorBytes) for each sector that is complete now. The view is valid
  /// during the call.
  template <typename Use>
  void append(ByteView bytes, const Use& use) {
    if (filled_ > 0) {
      const std::size_t take = std::min(bytes.size(), partial_.size() - filled_);
      std::copy_n(bytes.begin(), take, partial_.begin() + static_cast<std::ptrdiff_t>(filled_));
      filled_ += take;
      bytes = bytes.subspan(take);
      if (filled_ < partial_.size()) return;
      filled_ = 0;
      use(ByteView(partial_));
    }
    for (; bytes.size() >= partial_.size(); bytes = bytes.subspan(partial_.size())) {
      use(bytes.first(partial_.size()));
    }
    std::copy(bytes.begin(), bytes.end(), partial_.begin());
    filled_ = bytes.size();
  }

  /// Ends the stream: calls `use` with what is left, padded with zeros to a sector, if anything is.
  template <typename Use>
  void finish(const Use& use) {
    if (filled_ == 0) return;
    std::fill(partial_.begin() + static_cast<std::ptrdiff_t>(filled_), partial_.end(),
              std::uint8_t{0});
    filled_ = 0;
    use(ByteView(partial_));
  }

  /// True if no bytes of a sector that is not complete are kept.
  bool is_between_sectors() const { return filled_ == 0; }

 private:
  std::array<std::uint8_t, ParityGeometry::kSectorBytes> partial_{};
  std::size_t filled_ = 0;
};

}  // namespace coppice
