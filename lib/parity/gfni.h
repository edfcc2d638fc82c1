#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "parity/geometry.h"

/// Multiplying sectors with GFNI (Intel SDM, GF2P8AFFINEQB) and AVX-512: a product by a constant of
/// GF(2^8) is a linear map of bits, which one instruction applies to 64 bytes. Some three times as
/// fast as the table shuffles of ISA-L 2.30, which does not know these instructions
/// (docs/decisions/0011).
namespace coppice::gfni {

/// Whether this processor has them.
bool is_available();

/// The map x -> coefficient · x modulo 0x11d, as the instruction wants it.
std::uint64_t matrix_of(std::uint8_t coefficient);

/// rows[r] += sum over s of (matrices[r · stride + s] · sectors[s]), each kSectorBytes. Requires
/// is_available(), and `matrices` to reach that far.
void add_products(std::span<const std::uint8_t* const> sectors, const std::uint64_t* matrices,
                  std::size_t stride, std::span<std::uint8_t* const> rows);

}  // namespace coppice::gfni
