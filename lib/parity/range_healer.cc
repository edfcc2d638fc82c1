#include "parity/range_healer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"

namespace coppice {
namespace {

constexpr std::uint64_t kSector = ParityGeometry::kSectorBytes;

/// Copies the part of `sector` that lies within `out`, which holds the object from `offset` on.
void copy_overlap(std::uint64_t sector, ByteView bytes, std::uint64_t offset, MutableByteView out) {
  const std::uint64_t start = sector * kSector;
  const std::uint64_t from = std::max(start, offset);
  const std::uint64_t to = std::min(start + bytes.size(), offset + out.size());
  if (from >= to) return;
  const ByteView part =
      bytes.subspan(static_cast<std::size_t>(from - start), static_cast<std::size_t>(to - from));
  std::copy(part.begin(), part.end(), out.begin() + static_cast<std::ptrdiff_t>(from - offset));
}

}  // namespace

/// Fills `out` with the sector, padded with zeros; false if it is bad.
bool RangeHealer::read_good(std::uint64_t sector, const TryReadSector& read_sector,
                            Bytes& out) const {
  out.assign(kSector, 0);
  return read_sector(sector, MutableByteView(out).first(file_.layout().bytes_in(sector))) &&
         file_.is_data_sector(sector, out);
}

RangeHealer::Outcome RangeHealer::read(std::uint64_t offset, MutableByteView out,
                                       const TryReadSector& read_sector) {
  if (out.empty()) return Outcome::sound;
  std::vector<std::uint64_t> bad;
  std::set<std::uint64_t> words;
  Bytes bytes;
  const std::uint64_t last = (offset + out.size() - 1) / kSector;
  for (std::uint64_t sector = offset / kSector; sector <= last; ++sector) {
    if (read_good(sector, read_sector, bytes)) {
      copy_overlap(sector, bytes, offset, out);
      continue;
    }
    const std::uint64_t word = file_.layout().word_of(sector);
    if (lost_words_.contains(word)) return Outcome::lost;
    if (!rebuilt_.contains(sector)) words.insert(word);
    bad.push_back(sector);
  }
  if (bad.empty()) return Outcome::sound;
  if (!words.empty()) heal_words(words, read_sector);
  for (const std::uint64_t sector : bad) {
    const auto found = rebuilt_.find(sector);
    if (found == rebuilt_.end()) return Outcome::lost;
    copy_overlap(sector, found->second, offset, out);
  }
  return Outcome::healed;
}

unsigned RangeHealer::bad_parity_rows(std::uint64_t word) const {
  unsigned bad = 0;
  for (unsigned row = 0; row < file_.geometry().parity; ++row) {
    const std::uint64_t sector = file_.layout().parity_sector_of(word, row);
    bad += std::ranges::binary_search(file_.bad_parity_sectors(), sector) ? 1U : 0U;
  }
  return bad;
}

/// The bad sectors of those words that can be rebuilt; the others are noted as lost.
DamageReport RangeHealer::scan_words(const std::set<std::uint64_t>& words,
                                     const TryReadSector& read_sector) {
  std::map<std::uint64_t, unsigned> bad_in_word;
  std::vector<std::uint64_t> bad;
  Bytes bytes;
  for (std::uint64_t sector = 0; sector < file_.layout().data_sectors(); ++sector) {
    const std::uint64_t word = file_.layout().word_of(sector);
    if (!words.contains(word) || read_good(sector, read_sector, bytes)) continue;
    bad.push_back(sector);
    ++bad_in_word[word];
  }
  for (const auto& [word, count] : bad_in_word) {
    if (count + bad_parity_rows(word) > file_.geometry().parity) lost_words_.insert(word);
  }
  DamageReport report;
  for (const std::uint64_t sector : bad) {
    if (!lost_words_.contains(file_.layout().word_of(sector)))
      report.bad_data_sectors.push_back(sector);
  }
  report.healable = true;
  return report;
}

void RangeHealer::heal_words(const std::set<std::uint64_t>& words,
                             const TryReadSector& read_sector) {
  const DamageReport report = scan_words(words, read_sector);
  try {
    auto sectors = rebuild(file_, report, [&](std::uint64_t sector, MutableByteView out) {
      if (!read_sector(sector, out)) throw_damaged("a sector that was good cannot be read now");
    });
    for (RebuiltSector& each : sectors) rebuilt_[each.sector] = std::move(each.bytes);
  } catch (const Error& error) {  // what was rebuilt is not what its checksum says: believe none
    if (error.kind() != ErrorKind::damaged) throw;
    lost_words_.insert(words.begin(), words.end());
  }
}

std::uint64_t RangeHealer::held_bytes() const {
  constexpr std::uint64_t kNodeBytes = 64;
  return file_.layout().file_bytes() + file_.layout().table_bytes() +
         rebuilt_.size() * (kSector + kNodeBytes);
}

}  // namespace coppice
