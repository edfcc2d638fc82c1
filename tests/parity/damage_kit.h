#pragma once
#include <blake3.h>

#include <algorithm>
#include <random>

#include "base/bytes.h"
#include "base/id.h"
#include "parity/damage.h"
#include "parity/parity_builder.h"
#include "parity/parity_file.h"

namespace coppice::test {

inline constexpr std::size_t kSector = ParityGeometry::kSectorBytes;

inline Bytes random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

inline Id name_of(ByteView bytes) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  blake3_hasher_update(&hasher, bytes.data(), bytes.size());
  Id name;
  blake3_hasher_finalize(&hasher, name.bytes.data(), name.bytes.size());
  return name;
}

inline Bytes parity_of(ByteView object, ParityGeometry geometry = {}) {
  ParityBuilder builder(geometry, object.size());
  builder.append(object);
  return builder.finish(name_of(object));
}

inline void flip(Bytes& bytes, std::size_t offset) {
  bytes.at(offset) = static_cast<std::uint8_t>(bytes[offset] ^ 0x40U);
}

/// Flips one byte in the middle of each sector.
inline void damage_sectors(Bytes& bytes, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t start = i * kSector;
    flip(bytes, start + std::min(kSector, bytes.size() - start) / 2);
  }
}

inline DamageReport scan(const ParityFile& file, ByteView object) {
  DamageScanner scanner(file);
  scanner.append(object);
  return scanner.finish();
}

/// What a caller does to heal: cut or fill to length, rebuild, write the sectors. The bad sectors
/// are never read.
inline Bytes heal(const ParityFile& file, Bytes object) {
  const DamageReport report = scan(file, object);
  object.resize(file.object_length());
  const auto rebuilt = rebuild(file, report, [&](std::uint64_t sector, MutableByteView out) {
    std::copy_n(&object[sector * kSector], out.size(), out.begin());
  });
  for (const auto& [sector, bytes] : rebuilt) {
    std::ranges::copy(bytes, &object[sector * kSector]);
  }
  return object;
}

}  // namespace coppice::test
