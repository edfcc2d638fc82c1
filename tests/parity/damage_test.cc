// Goal: whatever the geometry promises to heal comes back byte for byte, and what it cannot heal is
// said to be so.
#include "parity/damage.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "damage_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

const Bytes&
big_object() {  // 1221 sectors, the last one short: 5 words, up to 40 sectors in a burst
  static const Bytes object = random_bytes(1220 * kSector + 123, 6);
  return object;
}

const Bytes& big_parity() {
  static const Bytes parity = parity_of(big_object());
  return parity;
}

void check_heals(const ParityFile& file, const Bytes& original, const Bytes& damaged) {
  CHECK_FALSE(scan(file, damaged).is_object_intact());
  CHECK(scan(file, damaged).healable);
  CHECK(heal(file, damaged) == original);
}

}  // namespace

TEST_CASE("a burst of 3 percent heals wherever it begins") {
  const auto file = ParityFile::parse(big_parity());
  for (std::size_t first = 0; first <= 1221 - 40; first += 37) {
    CAPTURE(first);
    Bytes damaged = big_object();
    damage_sectors(damaged, first, 40);
    CHECK(scan(file, damaged).bad_data_sectors.size() == 40);
    check_heals(file, big_object(), damaged);
  }
}

TEST_CASE("a burst at the very end heals, the short last sector included") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  damage_sectors(damaged, 1221 - 40, 40);
  check_heals(file, big_object(), damaged);
}

TEST_CASE("a burst at odd byte offsets that touches one sector more heals") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  const std::size_t burst = damaged.size() * 3 / 100;
  for (std::size_t i = 0; i < burst; ++i) flip(damaged, 777777 + i);
  check_heals(file, big_object(), damaged);
}

TEST_CASE("random bad sectors in object and side file heal") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Bytes damaged = big_object();
    Bytes parity = big_parity();
    for (int i = 0; i < 6; ++i) damage_sectors(damaged, random() % 1221, 1);
    for (int i = 0; i < 2; ++i) damage_sectors(parity, random() % (parity.size() / kSector), 1);
    if (damaged == big_object()) continue;
    check_heals(ParityFile::parse(parity), big_object(), damaged);
  }
}

TEST_CASE("objects of every odd size heal") {
  const std::size_t sizes[] = {1,
                               2,
                               kSector - 1,
                               kSector,
                               kSector + 1,
                               246 * kSector + 5,
                               247 * kSector,
                               247 * kSector + 1,
                               248 * kSector,
                               494 * kSector,
                               3 << 20};
  for (const std::size_t size : sizes) {
    CAPTURE(size);
    const Bytes object = random_bytes(size, 7);
    const auto file = ParityFile::parse(parity_of(object));
    const std::size_t sectors = (size + kSector - 1) / kSector;
    Bytes damaged = object;
    const std::size_t count = std::min<std::size_t>(sectors, 8);
    damage_sectors(damaged, sectors - count, count);
    check_heals(file, object, damaged);
  }
}

TEST_CASE("every percentage heals a burst of its size") {
  const Bytes object = random_bytes(500 * kSector - 9, 8);
  for (unsigned percent = 1; percent <= 50; ++percent) {
    CAPTURE(percent);
    const auto file = ParityFile::parse(parity_of(object, ParityGeometry::from_percent(percent)));
    Bytes damaged = object;
    damage_sectors(damaged, percent, 5 * std::size_t{percent});
    check_heals(file, object, damaged);
  }
}

TEST_CASE("the smallest geometries heal as many sectors of each word as they have parity") {
  const Bytes object = random_bytes(64 * kSector, 9);
  const ParityGeometry geometries[] = {{1, 1}, {2, 1}, {4, 3}, {1, 254}, {3, 252}};
  for (const auto& geometry : geometries) {
    CAPTURE(geometry.data);
    const auto file = ParityFile::parse(parity_of(object, geometry));
    Bytes damaged = object;
    const std::uint64_t all = file.layout().code_words() * geometry.parity;
    damage_sectors(damaged, 0, std::min<std::uint64_t>(64, all));
    check_heals(file, object, damaged);
  }
}

TEST_CASE("a truncated object is found and filled again") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  damaged.resize((1221 - 39) * kSector - 100);
  CHECK(scan(file, damaged).bad_data_sectors.size() == 40);
  check_heals(file, big_object(), damaged);
}

TEST_CASE("an object that lost only zeros at its end is found") {
  Bytes object = random_bytes(3 * kSector, 10);
  std::fill(object.end() - 100, object.end(), std::uint8_t{0});
  const auto file = ParityFile::parse(parity_of(object));
  Bytes damaged = object;
  damaged.resize(object.size() - 50);
  CHECK(scan(file, damaged).bad_data_sectors == std::vector<std::uint64_t>{2});
  check_heals(file, object, damaged);
}

TEST_CASE("bytes behind the end are found and cut off") {
  const Bytes object = random_bytes(3 * kSector - 7, 11);
  const auto file = ParityFile::parse(parity_of(object));
  for (const std::size_t surplus : {std::size_t{1}, std::size_t{7}, 5 * kSector}) {
    Bytes damaged = object;
    damaged.resize(object.size() + surplus);
    const auto report = scan(file, damaged);
    CHECK(report.surplus_bytes == surplus);
    CHECK(report.bad_data_sectors.empty());
    check_heals(file, object, damaged);
  }
}

TEST_CASE("the report does not depend on how the object was cut into pieces") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  damage_sectors(damaged, 500, 3);
  damaged.resize(1200 * kSector + 5);
  DamageScanner scanner(file);
  for (std::size_t at = 0; at < damaged.size(); at += 5555) {
    scanner.append(ByteView(damaged).subspan(at, std::min<std::size_t>(5555, damaged.size() - at)));
  }
  CHECK(scanner.finish().bad_data_sectors == scan(file, damaged).bad_data_sectors);
}

TEST_CASE("damage beyond repair is reported so, and rebuild refuses before it reads") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  damage_sectors(damaged, 100, 41);
  const auto report = scan(file, damaged);
  CHECK(report.bad_data_sectors.size() == 41);
  CHECK_FALSE(report.healable);
  bool was_read = false;
  const auto read = [&](std::uint64_t, MutableByteView) { was_read = true; };
  CHECK_THROWS_AS(rebuild(file, report, read), Error);
  CHECK_FALSE(was_read);
}

TEST_CASE(
    "an object that is gone altogether is beyond repair, unless it is as small as its parity") {
  const auto file = ParityFile::parse(big_parity());
  CHECK_FALSE(scan(file, {}).healable);
  const Bytes object = random_bytes(8 * kSector, 12);
  check_heals(ParityFile::parse(parity_of(object)), object, {});
}

TEST_CASE("bad parity sectors count against the word they belong to") {
  Bytes parity = big_parity();
  const ParityLayout layout({}, big_object().size());
  for (const unsigned row : {0U, 3U, 7U}) {  // 3 of the 8 rows of word 2
    flip(parity, layout.parity_offset(layout.parity_sector_of(2, row)) + 9);
  }
  const auto file = ParityFile::parse(parity);
  CHECK_FALSE(file.is_intact());
  Bytes damaged = big_object();
  for (std::size_t position = 0; position < 5; ++position)
    damage_sectors(damaged, position * 5 + 2, 1);
  CHECK(scan(file, damaged).bad_parity_sectors == std::vector<std::uint64_t>{2, 17, 37});
  check_heals(file, big_object(), damaged);
  damage_sectors(damaged, 6 * 5 + 2, 1);
  CHECK_FALSE(scan(file, damaged).healable);
  CHECK_THROWS_AS(heal(file, damaged), Error);
}

TEST_CASE("only the sectors of damaged words are read, in order, and none that is bad") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  damage_sectors(damaged, 13, 1);
  std::vector<std::uint64_t> asked;
  const auto rebuilt =
      rebuild(file, scan(file, damaged), [&](std::uint64_t sector, MutableByteView out) {
        asked.push_back(sector);
        std::copy_n(&damaged[sector * kSector], out.size(), out.begin());
      });
  REQUIRE(rebuilt.size() == 1);
  CHECK(rebuilt[0].sector == 13);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 3; i < 1221; i += 5) {
    if (i != 13) expected.push_back(i);
  }
  CHECK(asked == expected);
}

TEST_CASE("a sector that changes between scan and rebuild stops the rebuild") {
  const auto file = ParityFile::parse(big_parity());
  Bytes damaged = big_object();
  damage_sectors(damaged, 13, 1);
  const auto report = scan(file, damaged);
  damage_sectors(damaged, 18, 1);
  const auto read = [&](std::uint64_t sector, MutableByteView out) {
    std::copy_n(&damaged[sector * kSector], out.size(), out.begin());
  };
  CHECK_THROWS_AS(rebuild(file, report, read), Error);
}

TEST_CASE("a report with sectors that the object does not have is refused") {
  const auto file = ParityFile::parse(big_parity());
  DamageReport report;
  report.bad_data_sectors = {1221};
  CHECK_THROWS_AS(rebuild(file, report, [](std::uint64_t, MutableByteView) {}), Error);
}
