#pragma once
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "parity/geometry.h"
#include "parity/reed_solomon.h"
#include "parity/sector.h"

namespace coppice {

/// Makes the side file of one object whose bytes pass by in order.
///
/// Holds the side file (at 247 + 8: 3.9 % of the object) and, once more, its checksum table (0.2
/// %), nothing else of the object. Does no I/O. Not thread-safe: one stage owns it.
class ParityBuilder {
 public:
  /// Throws Error{failed} unless the geometry is valid and object_length <= kMaxParityObjectBytes.
  ParityBuilder(ParityGeometry geometry, std::uint64_t object_length);

  /// The object's next bytes, in pieces of any size; of good_piece_bytes() it is quickest. Throws
  /// Error{failed} beyond object_length.
  void append(ByteView bytes);

  /// A whole number of sectors: several of each code word.
  std::uint64_t good_piece_bytes() const {
    return ReedSolomon::kMaxRun * layout_.code_words() * ParityGeometry::kSectorBytes;
  }

  /// The side file. `object_name` is the BLAKE3 hash of what was appended. Throws Error{failed} if
  /// that is shorter than object_length. The builder is used up.
  Bytes finish(const Id& object_name);

 private:
  void add_sector(ByteView sector);
  void add_sectors(ByteView sectors);
  void find_rows(std::uint64_t word);
  void add_checksum(ByteView sector);
  void write_parity_checksums();
  void write_pages(const Id& object_name);

  ParityLayout layout_;
  ReedSolomon code_;
  SectorCutter cutter_;
  Bytes file_;   ///< parity sectors grow in their place; the pages are written at the end
  Bytes table_;  ///< checksums, data sectors first
  std::vector<std::uint8_t*> rows_;
  std::uint64_t appended_ = 0;
  std::uint64_t next_sector_ = 0;
};

}  // namespace coppice
