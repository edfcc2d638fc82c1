#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "base/bytes.h"
#include "parity/damage.h"
#include "parity/parity_file.h"

namespace coppice {

/// Reads parts of a damaged object as they were before the damage, by its parity.
///
/// Only the code words that the damage lies in are read, each once: what was rebuilt of them is
/// kept, and so is the knowledge that one is beyond repair. Neighbouring sectors belong to
/// different words, so a single bad sector costs 1/W of the object, a burst as much as the whole of
/// it.
///
/// Holds the side file and rebuilt sectors: together at most about twice the side file. Sector
/// checksums are no proof against forgery: the caller proves what it reads. Not thread-safe.
class RangeHealer {
 public:
  /// Reads data sector `sector` as it is now into all of `out` (kSectorBytes, or what the last one
  /// has); false if it cannot be read.
  using TryReadSector = std::function<bool(std::uint64_t sector, MutableByteView out)>;

  enum class Outcome {
    sound,   ///< no sector of the range is bad: `out` has the object's bytes as they are
    healed,  ///< `out` has what was rebuilt, too
    lost,    ///< a sector of the range is in a code word with too much damage; `out` is undefined
  };

  explicit RangeHealer(ParityFile file) : file_(std::move(file)) {}

  /// Requires offset + out.size() <= the object's length.
  Outcome read(std::uint64_t offset, MutableByteView out, const TryReadSector& read_sector);

  /// What it holds now, about.
  std::uint64_t held_bytes() const;

 private:
  bool read_good(std::uint64_t sector, const TryReadSector& read_sector, Bytes& out) const;
  void heal_words(const std::set<std::uint64_t>& words, const TryReadSector& read_sector);
  DamageReport scan_words(const std::set<std::uint64_t>& words, const TryReadSector& read_sector);
  unsigned bad_parity_rows(std::uint64_t word) const;

  ParityFile file_;
  std::map<std::uint64_t, Bytes> rebuilt_;  // by data sector
  std::set<std::uint64_t> lost_words_;
};

}  // namespace coppice
