// The only user of ISA-L. Its functions take non-const pointers to what they only read, hence the
// const_casts.
//
// Where the processor has GFNI and AVX-512, parity/gfni.h multiplies instead: 2.30 does not know
// them. Otherwise, a single sector is added as it comes (ec_encode_data_update: one source, all
// parity rows), which reads and writes the word's rows for each: 2.1 GB/s. Where the caller's piece
// has eight sectors of each word, they are encoded in one go into rows of their own, which are then
// added: 3.3 GB/s, in CPU time (2.5 GHz, AVX-512, ISA-L 2.30). Copying sectors together for that
// costs what it gains; all 247 of a word at once, a page each from all over the pack, come to 0.9.
#include "parity/reed_solomon.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"
#include "parity/gfni.h"

namespace coppice {
namespace {

constexpr int kLength = ParityGeometry::kSectorBytes;
constexpr std::size_t kMaxRows = 8;      // encoded at once: 32 KiB of sums
constexpr std::size_t kTableBytes = 32;  // per coefficient, see ec_init_tables

}  // namespace

ReedSolomon::Multiplier ReedSolomon::quickest_multiplier() {
  return gfni::is_available() ? Multiplier::gfni : Multiplier::isal;
}

ReedSolomon::ReedSolomon(ParityGeometry geometry, Multiplier multiplier)
    : geometry_(geometry), tables_(kTableBytes * geometry.data * geometry.parity) {
  const int data = static_cast<int>(geometry.data);
  const int parity = static_cast<int>(geometry.parity);
  // ISA-L makes the whole (data + parity) x data matrix; its upper part is the identity.
  const std::size_t identity = std::size_t{geometry.data} * geometry.data;
  Bytes matrix(identity + std::size_t{geometry.data} * geometry.parity);
  gf_gen_cauchy1_matrix(matrix.data(), data + parity, data);
  coefficients_.assign(matrix.begin() + static_cast<std::ptrdiff_t>(identity), matrix.end());
  ec_init_tables(data, parity, coefficients_.data(), tables_.data());
  if (multiplier != Multiplier::gfni) return;
  matrices_.reserve(coefficients_.size());
  for (const std::uint8_t each : coefficients_) matrices_.push_back(gfni::matrix_of(each));
}

void ReedSolomon::add(unsigned position, ByteView sector,
                      std::span<std::uint8_t* const> rows) const {
  if (!matrices_.empty()) {
    const std::uint8_t* const bytes = sector.data();
    return gfni::add_products({&bytes, 1}, &matrices_[position], geometry_.data, rows);
  }
  ec_encode_data_update(kLength, static_cast<int>(geometry_.data), static_cast<int>(rows.size()),
                        static_cast<int>(position), const_cast<std::uint8_t*>(tables_.data()),
                        const_cast<std::uint8_t*>(sector.data()),
                        const_cast<std::uint8_t**>(rows.data()));
}

void ReedSolomon::add_run(unsigned position, std::span<const std::uint8_t* const> sectors,
                          std::span<std::uint8_t* const> rows) const {
  if (!matrices_.empty())
    return gfni::add_products(sectors, &matrices_[position], geometry_.data, rows);
  const std::size_t count = sectors.size();
  Bytes tables(kTableBytes * count * rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::copy_n(&tables_[kTableBytes * (row * geometry_.data + position)], kTableBytes * count,
                &tables[kTableBytes * row * count]);
  }
  alignas(64) std::uint8_t sums[kMaxRows][kLength];
  std::array<std::uint8_t*, kMaxRows> sum_rows{};
  for (std::size_t first = 0; first < rows.size(); first += kMaxRows) {
    const std::size_t part = std::min(kMaxRows, rows.size() - first);
    for (std::size_t row = 0; row < part; ++row) sum_rows[row] = sums[row];
    ec_encode_data(kLength, static_cast<int>(count), static_cast<int>(part),
                   &tables[kTableBytes * first * count], const_cast<std::uint8_t**>(sectors.data()),
                   sum_rows.data());
    for (std::size_t row = 0; row < part; ++row) {
      std::uint8_t* out = rows[first + row];
      for (std::size_t i = 0; i < std::size_t{kLength}; ++i)
        out[i] = static_cast<std::uint8_t>(out[i] ^ sums[row][i]);
    }
  }
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
