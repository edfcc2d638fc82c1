// The only user of ISA-L. Its functions take non-const pointers to what they only read, hence the
// const_casts.
//
// A sector is added as it comes (ec_encode_data_update: one source, all parity rows), because
// neighbours belong to different words. Gathering 2 to 16 sectors of a word first and encoding them
// in one go was measured too: 1.3 to 2.0 GB/s against 2.1, for as much memory again.
#include "parity/reed_solomon.h"

#include <isa-l/erasure_code.h>

#include <vector>

#include "base/error.h"

namespace coppice {
namespace {

constexpr int kLength = ParityGeometry::kSectorBytes;
constexpr std::size_t kTableBytes = 32;  // per coefficient, see ec_init_tables

}  // namespace

ReedSolomon::ReedSolomon(ParityGeometry geometry)
    : geometry_(geometry), tables_(kTableBytes * geometry.data * geometry.parity) {
  const int data = static_cast<int>(geometry.data);
  const int parity = static_cast<int>(geometry.parity);
  // ISA-L makes the whole (data + parity) x data matrix; its upper part is the identity.
  const std::size_t identity = std::size_t{geometry.data} * geometry.data;
  Bytes matrix(identity + std::size_t{geometry.data} * geometry.parity);
  gf_gen_cauchy1_matrix(matrix.data(), data + parity, data);
  coefficients_.assign(matrix.begin() + static_cast<std::ptrdiff_t>(identity), matrix.end());
  ec_init_tables(data, parity, coefficients_.data(), tables_.data());
}

void ReedSolomon::add(unsigned position, ByteView sector,
                      std::span<std::uint8_t* const> rows) const {
  ec_encode_data_update(kLength, static_cast<int>(geometry_.data), static_cast<int>(rows.size()),
                        static_cast<int>(position), const_cast<std::uint8_t*>(tables_.data()),
                        const_cast<std::uint8_t*>(sector.data()),
                        const_cast<std::uint8_t**>(rows.data()));
}

Bytes ReedSolomon::solve(std::span<const unsigned> positions, std::span<const unsigned> rows,
                         std::span<std::uint8_t* const> sums) const {
  const std::size_t count = positions.size();
  const int size = static_cast<int>(count);
  Bytes system(count * count);
  for (std::size_t x = 0; x < count; ++x) {
    for (std::size_t y = 0; y < count; ++y) {
      system[x * count + y] = coefficients_[rows[x] * geometry_.data + positions[y]];
    }
  }
  Bytes inverse(count * count);
  if (gf_invert_matrix(system.data(), inverse.data(), size) != 0) {
    throw Error(ErrorKind::failed, "parity: positions or rows are given twice");
  }
  Bytes tables(kTableBytes * count * count);
  ec_init_tables(size, size, inverse.data(), tables.data());
  Bytes sectors(count * ParityGeometry::kSectorBytes);
  std::vector<std::uint8_t*> out(count);
  for (std::size_t y = 0; y < count; ++y) out[y] = &sectors[y * ParityGeometry::kSectorBytes];
  ec_encode_data(kLength, size, size, tables.data(), const_cast<std::uint8_t**>(sums.data()),
                 out.data());
  return sectors;
}

}  // namespace coppice
