#include "parity/sector.h"

#include <isa-l/crc64.h>

namespace coppice {

SectorChecksum sector_checksum(ByteView sector) {
  // ISA-L inverts the sum before and after, as CRC-64/XZ wants it.
  const std::uint64_t sum = crc64_ecma_refl(0, sector.data(), sector.size());
  SectorChecksum checksum;
  for (std::size_t i = 0; i < checksum.size(); ++i)
    checksum[i] = static_cast<std::uint8_t>(sum >> (8 * i));
  return checksum;
}

}  // namespace coppice
