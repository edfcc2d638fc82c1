#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "parity/parity_file.h"
#include "parity/sector.h"

namespace coppice {

/// Which sectors of an object and of its side file are bad, and whether parity can rebuild the
/// object. Sector numbers ascend, without repetition.
struct DamageReport {
  std::vector<std::uint64_t> bad_data_sectors;
  std::vector<std::uint64_t> bad_parity_sectors;
  std::uint64_t surplus_bytes = 0;  ///< found behind the object's end: to heal, cut them off
  bool healable = false;            ///< true also if there is nothing to heal

  bool is_object_intact() const { return bad_data_sectors.empty() && surplus_bytes == 0; }
};

/// Compares an object, whose bytes pass by in order, with the checksums in its side file.
/// Holds one sector and the report. Not thread-safe.
class DamageScanner {
 public:
  /// `file` must outlive the scanner.
  explicit DamageScanner(const ParityFile& file) : file_(file) {}

  /// The object's next bytes, in pieces of any size. What a reader could not read is to be given as
  /// zeros, or as any bytes, so that the rest stays in its place.
  void append(ByteView bytes);

  /// Sectors that never came are bad. The scanner is used up.
  DamageReport finish();

 private:
  void check_sector(ByteView sector);

  const ParityFile& file_;
  SectorCutter cutter_;
  std::uint64_t appended_ = 0;
  std::uint64_t next_sector_ = 0;
  std::vector<std::uint64_t> bad_data_sectors_;
};

/// One sector as it was before the damage; the object's last sector may be shorter than
/// kSectorBytes.
struct RebuiltSector {
  std::uint64_t sector = 0;
  Bytes bytes;
};

/// Reads data sector `sector` of the object into all of `out`: kSectorBytes, or what the object's
/// last sector has. Asked in ascending order, once each, and only for sectors that the report calls
/// good.
using ReadSector = std::function<void(std::uint64_t sector, MutableByteView out)>;

/// Rebuilds the report's bad data sectors, in ascending order; nothing else of the object needs to
/// be written. Holds the parity of the damaged code words and the result: at most about twice the
/// parity sectors of the side file.
///
/// Throws Error{damaged} if there is too much damage, if a sector does not read as it did for the
/// report, or if the result does not fit its checksum. Checksums are no proof against forgery: the
/// caller must compare the BLAKE3 of the healed object with its name before it replaces anything.
std::vector<RebuiltSector> rebuild(const ParityFile& file, const DamageReport& report,
                                   const ReadSector& read_sector);

}  // namespace coppice
