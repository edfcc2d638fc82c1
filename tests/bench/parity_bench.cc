// Speed of parity on one core, over packs of 64 MiB: the code alone (lib/parity/reed_solomon), then
// with the sector checksums as the builder makes them, then scanning and healing a burst of 3
// percent.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <vector>

#include "base/units.h"
#include "parity/damage.h"
#include "parity/parity_builder.h"
#include "parity/parity_file.h"
#include "parity/reed_solomon.h"

namespace {

using namespace coppice;

constexpr int kRounds = 8;

/// Prints the best of some rounds.
template <typename Work>
void measure(const char* what, std::size_t bytes, const Work& work) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  std::printf("parity %-28s %6.2f GB/s\n", what, static_cast<double>(bytes) / best / 1e9);
}

void encode_only(ByteView object) {
  const ParityLayout layout({}, object.size());
  const ReedSolomon code({});
  Bytes parity(layout.parity_sectors() * ParityGeometry::kSectorBytes);
  std::vector<std::uint8_t*> rows(layout.geometry().parity);
  for (std::uint64_t i = 0; i < layout.data_sectors(); ++i) {
    for (unsigned row = 0; row < rows.size(); ++row) {
      rows[row] =
          &parity[layout.parity_sector_of(layout.word_of(i), row) * ParityGeometry::kSectorBytes];
    }
    code.add(layout.position_of(i),
             object.subspan(i * ParityGeometry::kSectorBytes, ParityGeometry::kSectorBytes), rows);
  }
}

Bytes build(ByteView object) {
  ParityBuilder builder({}, object.size());
  builder.append(object);
  return builder.finish(Id{});
}

DamageReport scan(const ParityFile& file, ByteView object) {
  DamageScanner scanner(file);
  scanner.append(object);
  return scanner.finish();
}

}  // namespace

int main() {
  Bytes object(64 * kMiB);
  std::mt19937 random(1);
  for (auto& byte : object) byte = static_cast<std::uint8_t>(random());

  measure("code only (247+8)", object.size(), [&] { encode_only(object); });
  measure("build (code and checksums)", object.size(), [&] { build(object); });
  const ParityFile file = ParityFile::parse(build(object));
  measure("scan", object.size(), [&] { scan(file, object); });
  std::fill_n(object.begin() + 1000000, object.size() * 3 / 100, std::uint8_t{0});
  const DamageReport report = scan(file, object);
  measure("heal a burst of 3 %", object.size(), [&] {
    rebuild(file, report, [&](std::uint64_t sector, MutableByteView out) {
      std::copy_n(&object[sector * ParityGeometry::kSectorBytes], out.size(), out.begin());
    });
  });
}
