#pragma once
#include <optional>

#include "base/bytes.h"
#include "base/id.h"
#include "parity/geometry.h"

namespace coppice {

/// What every header page of a side file says of the whole, so that any one page suffices to find
/// the others.
struct ParityHeader {
  ParityGeometry geometry;
  std::uint64_t object_length = 0;
  Id object_name;

  bool operator==(const ParityHeader&) const = default;
};

/// One header page: a header, and its part of the checksum table (kTableBytesPerPage bytes,
/// viewed).
struct HeaderPage {
  ParityHeader header;
  std::uint32_t number = 0;
  ByteView table;
};

/// Writes a page into `out`. Requires out.size() == kPageBytes; page.table may be shorter than a
/// page holds, the rest is zeros.
void write_header_page(const HeaderPage& page, MutableByteView out);

/// Reads a page that write_header_page wrote; empty if it is anything else or altered. What it
/// returns is within bounds: a valid geometry and object_length <= kMaxParityObjectBytes. The table
/// is a view into `bytes`. Throws Error{newer_version} for an unaltered page of a later version.
/// Requires bytes.size() == kPageBytes.
std::optional<HeaderPage> read_header_page(ByteView bytes);

}  // namespace coppice
