// Rebuilding reuses the encoder: the good sectors of a damaged word are encoded as if the bad ones
// were zeros. The difference to the stored parity is then due to the bad sectors alone, and a
// system of as many equations as there are bad sectors gives them back. One pass over the object in
// ascending order, whatever the damage.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "parity/damage.h"
#include "parity/reed_solomon.h"

namespace coppice {
namespace {

constexpr std::size_t kSectorBytes = ParityGeometry::kSectorBytes;

/// A code word with bad data sectors.
struct DamagedWord {
  std::vector<std::uint64_t> bad_sectors;
  std::vector<unsigned> rows;  ///< as many good parity rows
  Bytes sums;                  ///< all parity rows of the good sectors
  std::vector<std::uint8_t*> row_places;
};

class Rebuilder {
 public:
  Rebuilder(const ParityFile& file, const DamageReport& report)
      : file_(file), layout_(file.layout()), code_(file.geometry()) {
    for (const auto sector : report.bad_data_sectors) {
      if (sector >= layout_.data_sectors()) throw_beyond_repair();
      words_[layout_.word_of(sector)].bad_sectors.push_back(sector);
    }
    // All rows first, then all memory: damage beyond repair costs nothing.
    for (auto& [number, word] : words_) choose_rows(number, word);
    for (auto& [number, word] : words_) allocate(word);
  }

  void read_good_sectors(const ReadSector& read_sector) {
    Bytes buffer(kSectorBytes);
    for (std::uint64_t i = 0; !words_.empty() && i < layout_.data_sectors(); ++i) {
      const auto word = words_.find(layout_.word_of(i));
      if (word == words_.end()) continue;
      if (std::ranges::binary_search(word->second.bad_sectors, i)) continue;
      std::ranges::fill(buffer, std::uint8_t{0});
      read_sector(i, MutableByteView(buffer).first(layout_.bytes_in(i)));
      if (!file_.is_data_sector(i, buffer)) {
        throw_damaged("object " + file_.object_name().short_hex() + ": sector " +
                      std::to_string(i) + " reads differently than before");
      }
      code_.add(layout_.position_of(i), buffer, word->second.row_places);
    }
  }

  std::vector<RebuiltSector> solve() {
    std::vector<RebuiltSector> rebuilt;
    for (auto& [number, word] : words_) solve_word(number, word, rebuilt);
    std::ranges::sort(rebuilt, {}, &RebuiltSector::sector);
    return rebuilt;
  }

 private:
  [[noreturn]] void throw_beyond_repair() const {
    throw_damaged("object " + file_.object_name().short_hex() +
                  ": more damage than its parity can heal");
  }

  void choose_rows(std::uint64_t number, DamagedWord& word) const {
    for (unsigned row = 0; row < layout_.geometry().parity; ++row) {
      if (word.rows.size() == word.bad_sectors.size()) return;
      const bool is_bad = std::ranges::binary_search(file_.bad_parity_sectors(),
                                                     layout_.parity_sector_of(number, row));
      if (!is_bad) word.rows.push_back(row);
    }
    if (word.rows.size() < word.bad_sectors.size()) throw_beyond_repair();
  }

  void allocate(DamagedWord& word) const {
    word.sums.resize(layout_.geometry().parity * kSectorBytes);
    word.row_places.resize(layout_.geometry().parity);
    for (std::size_t row = 0; row < word.row_places.size(); ++row) {
      word.row_places[row] = &word.sums[row * kSectorBytes];
    }
  }

  void solve_word(std::uint64_t number, DamagedWord& word,
                  std::vector<RebuiltSector>& rebuilt) const {
    std::vector<std::uint8_t*> sums;
    for (const auto row : word.rows) {
      const ByteView stored = file_.parity_sector(layout_.parity_sector_of(number, row));
      std::uint8_t* sum = word.row_places[row];
      for (std::size_t i = 0; i < kSectorBytes; ++i) {
        sum[i] = static_cast<std::uint8_t>(sum[i] ^ stored[i]);
      }
      sums.push_back(sum);
    }
    std::vector<unsigned> positions;
    for (const auto sector : word.bad_sectors) positions.push_back(layout_.position_of(sector));
    const Bytes sectors = code_.solve(positions, word.rows, sums);
    for (std::size_t i = 0; i < word.bad_sectors.size(); ++i) {
      const ByteView bytes = ByteView(sectors).subspan(i * kSectorBytes, kSectorBytes);
      if (!file_.is_data_sector(word.bad_sectors[i], bytes)) throw_beyond_repair();
      const std::uint32_t length = layout_.bytes_in(word.bad_sectors[i]);
      rebuilt.push_back({word.bad_sectors[i], to_bytes(bytes.first(length))});
    }
  }

  const ParityFile& file_;
  const ParityLayout& layout_;
  ReedSolomon code_;
  std::map<std::uint64_t, DamagedWord> words_;
};

}  // namespace

std::vector<RebuiltSector> rebuild(const ParityFile& file, const DamageReport& report,
                                   const ReadSector& read_sector) {
  Rebuilder rebuilder(file, report);
  rebuilder.read_good_sectors(read_sector);
  return rebuilder.solve();
}

}  // namespace coppice
