#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "parity/geometry.h"

namespace coppice {

/// The Reed-Solomon code itself, on sectors in memory: GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1
/// (0x11d), parity row r = sum over positions j of inverse((data + r) XOR j) * sector j. These are
/// the lower rows of ISA-L's gf_gen_cauchy1_matrix; every square part of a Cauchy matrix is
/// invertible, so any `parity` sectors may be missing.
///
/// Immutable after construction; any number of threads may share one.
class ReedSolomon {
 public:
  /// What multiplies; the results are the same.
  enum class Multiplier { isal, gfni };
  /// The quickest that this processor has.
  static Multiplier quickest_multiplier();

  /// Requires geometry.is_valid(), and gfni::is_available() for Multiplier::gfni.
  explicit ReedSolomon(ParityGeometry geometry, Multiplier multiplier = quickest_multiplier());

  /// Adds the sector at `position` of a code word to the word's parity rows (all of them, in
  /// order), which start as zeros. Requires sector and rows to be of kSectorBytes, position < data,
  /// rows.size() == parity.
  void add(unsigned position, ByteView sector, std::span<std::uint8_t* const> rows) const;

  /// The same for several sectors at neighbouring positions of one word, at most kMaxRun of them
  /// and none beyond the word's end: the rows are touched once for all.
  void add_run(unsigned position, std::span<const std::uint8_t* const> sectors,
               std::span<std::uint8_t* const> rows) const;
  static constexpr std::size_t kMaxRun = 8;

  /// Rebuilds the sectors at `positions` of a code word. rows[x] names a parity row; sums[x] is
  /// that row with every other sector of the word already added to it (in GF(2^8) adding is taking
  /// away), so what is left is due to the missing sectors alone. Returns them one behind the other,
  /// in the order of `positions`. Requires positions.size() == rows.size() == sums.size(), between
  /// 1 and parity, no repetitions.
  Bytes solve(std::span<const unsigned> positions, std::span<const unsigned> rows,
              std::span<std::uint8_t* const> sums) const;

 private:
  ParityGeometry geometry_;
  Bytes coefficients_;  ///< parity x data
  Bytes tables_;        ///< the same as ISA-L's multiplication tables, 32 bytes a coefficient
  std::vector<std::uint64_t> matrices_;  ///< the same for lib/parity/gfni.h; empty if not used
};

}  // namespace coppice
