#pragma once
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "parity/geometry.h"
#include "parity/header_page.h"
#include "parity/sector.h"

namespace coppice {

/// A side file, read and checked (docs/format.md, parity).
///
/// Always true: the geometry is valid, the length of the file is what geometry and object length
/// ask for, every checksum is known. Says nothing about who wrote it: what parity rebuilt must be
/// compared with the object's name. Immutable after parse; any number of threads may read it.
class ParityFile {
 public:
  /// Takes a side file as stored, damaged perhaps: each header page is taken from whichever of its
  /// three copies is whole. Throws Error{damaged} if it cannot be used at all (all copies of a page
  /// are bad, the length is wrong) and Error{newer_version} for a later format. Allocates less than
  /// the file's own size.
  static ParityFile parse(Bytes file);

  const Id& object_name() const { return object_name_; }
  std::uint64_t object_length() const { return layout_.object_length(); }
  ParityGeometry geometry() const { return layout_.geometry(); }
  const ParityLayout& layout() const { return layout_; }

  /// Every copy of every header page and all parity sectors are as written. If not, write the file
  /// anew once the object is known to be good.
  bool is_intact() const { return pages_are_intact_ && bad_parity_sectors_.empty(); }
  /// Ascending.
  const std::vector<std::uint64_t>& bad_parity_sectors() const { return bad_parity_sectors_; }

  /// Whether `sector` (kSectorBytes, the last one padded with zeros) is data sector `number` of the
  /// object.
  bool is_data_sector(std::uint64_t number, ByteView sector) const;
  /// Requires number < layout().parity_sectors(). May be a bad one.
  ByteView parity_sector(std::uint64_t number) const;

 private:
  ParityFile(Bytes file, const ParityHeader& header);
  void gather_pages(const ParityHeader& header);
  bool take_page(const ParityHeader& header, std::uint64_t number);
  void check_parity_sectors();
  ByteView checksum(std::uint64_t entry) const;

  Bytes file_;
  ParityLayout layout_;
  Id object_name_;
  Bytes table_;  ///< put together from the good pages
  bool pages_are_intact_ = true;
  std::vector<std::uint64_t> bad_parity_sectors_;
};

}  // namespace coppice
