#include "parity/damage.h"

#include <algorithm>
#include <map>

namespace coppice {
namespace {

/// A word heals if it has as many good parity rows as bad data sectors: bad sectors of both kinds
/// <= parity. A word without bad data sectors always passes, since it has no more than `parity`
/// parity sectors.
bool is_healable(const ParityFile& file, const std::vector<std::uint64_t>& bad_data_sectors) {
  const ParityLayout& layout = file.layout();
  std::map<std::uint64_t, unsigned> bad_in_word;
  for (const auto sector : bad_data_sectors) ++bad_in_word[layout.word_of(sector)];
  for (const auto sector : file.bad_parity_sectors()) ++bad_in_word[sector % layout.code_words()];
  return std::ranges::all_of(bad_in_word, [&](const auto& word_and_bad) {
    return word_and_bad.second <= layout.geometry().parity;
  });
}

}  // namespace

void DamageScanner::append(ByteView bytes) {
  const std::uint64_t length = file_.object_length();
  const std::uint64_t wanted = length - std::min(length, appended_);
  appended_ += bytes.size();
  cutter_.append(bytes.first(std::min<std::uint64_t>(bytes.size(), wanted)),
                 [this](ByteView sector) { check_sector(sector); });
}

DamageReport DamageScanner::finish() {
  cutter_.finish([this](ByteView sector) { check_sector(sector); });
  for (; next_sector_ < file_.layout().data_sectors(); ++next_sector_) {
    bad_data_sectors_.push_back(next_sector_);
  }
  // A last sector that was cut within its trailing zeros has the right checksum, but is not all
  // there.
  const std::uint64_t length = file_.object_length();
  const std::uint64_t last_read = appended_ / ParityGeometry::kSectorBytes;
  const bool is_cut = appended_ < length && last_read < file_.layout().data_sectors();
  if (is_cut && !std::ranges::binary_search(bad_data_sectors_, last_read)) {
    bad_data_sectors_.insert(std::ranges::lower_bound(bad_data_sectors_, last_read), last_read);
  }
  DamageReport report;
  report.healable = is_healable(file_, bad_data_sectors_);
  report.bad_data_sectors = std::move(bad_data_sectors_);
  report.bad_parity_sectors = file_.bad_parity_sectors();
  report.surplus_bytes = appended_ - std::min(length, appended_);
  return report;
}

void DamageScanner::check_sector(ByteView sector) {
  if (!file_.is_data_sector(next_sector_, sector)) bad_data_sectors_.push_back(next_sector_);
  ++next_sector_;
}

}  // namespace coppice
