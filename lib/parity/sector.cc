#include "parity/sector.h"

#include <blake3.h>

namespace coppice {

SectorChecksum sector_checksum(ByteView sector) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  blake3_hasher_update(&hasher, sector.data(), sector.size());
  SectorChecksum checksum;
  blake3_hasher_finalize(&hasher, checksum.data(), checksum.size());
  return checksum;
}

}  // namespace coppice
