#include "parity/range_healer.h"

#include <doctest/doctest.h>

#include "damage_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

/// A damaged object, its reader, and how many sectors were asked for.
struct Damaged {
  Bytes object;
  std::uint64_t reads = 0;

  RangeHealer::TryReadSector reader() {
    return [this](std::uint64_t sector, MutableByteView out) {
      ++reads;
      const std::size_t start = sector * kSector;
      if (start + out.size() > object.size()) return false;
      std::copy_n(object.begin() + static_cast<std::ptrdiff_t>(start), out.size(), out.begin());
      return true;
    };
  }
};

constexpr std::size_t kSize = 3'000'000;  // 733 sectors, 3 code words

}  // namespace

TEST_CASE("every range of a damaged object reads as it was before the damage") {
  const Bytes intact = random_bytes(kSize, 1);
  RangeHealer healer(ParityFile::parse(parity_of(intact)));
  Damaged damaged{intact};
  damage_sectors(damaged.object, 100, 20);
  damage_sectors(damaged.object, 732, 1);
  const auto read = damaged.reader();
  for (const auto& range : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, kSize}, {100 * kSector + 17, 1}, {99 * kSector, 22 * kSector}, {kSize - 1, 1}}) {
    const std::size_t offset = range.first;
    CAPTURE(offset);
    Bytes out(range.second);
    CHECK(healer.read(offset, out, read) == RangeHealer::Outcome::healed);
    CHECK(std::equal(out.begin(), out.end(), intact.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
  Bytes out(1000);
  CHECK(healer.read(50 * kSector, out, read) == RangeHealer::Outcome::sound);
}

TEST_CASE("one bad sector costs its code word, once") {
  const Bytes intact = random_bytes(kSize, 2);
  RangeHealer healer(ParityFile::parse(parity_of(intact)));
  Damaged damaged{intact};
  damage_sectors(damaged.object, 300, 1);
  const auto read = damaged.reader();
  Bytes out(10 * kSector);
  CHECK(healer.read(298 * kSector, out, read) == RangeHealer::Outcome::healed);
  CHECK(damaged.reads < 10 + 2 * 733 / 3 + 2);
  damaged.reads = 0;
  CHECK(healer.read(298 * kSector, out, read) == RangeHealer::Outcome::healed);
  CHECK(damaged.reads == 10);
}

TEST_CASE("a code word beyond repair does not hinder the others, and is tried once") {
  const Bytes intact = random_bytes(kSize, 3);
  RangeHealer healer(ParityFile::parse(parity_of(intact)));
  Damaged damaged{intact};
  for (std::size_t i = 0; i < 9; ++i) damage_sectors(damaged.object, 3 * i, 1);  // word 0: too much
  damage_sectors(damaged.object, 400, 1);                                        // word 1
  const auto read = damaged.reader();
  Bytes out(kSector);
  CHECK(healer.read(0, out, read) == RangeHealer::Outcome::lost);
  damaged.reads = 0;
  CHECK(healer.read(3 * kSector, out, read) == RangeHealer::Outcome::lost);
  CHECK(damaged.reads == 1);
  CHECK(healer.read(400 * kSector, out, read) == RangeHealer::Outcome::healed);
  CHECK(healer.read(300 * kSector, out, read) == RangeHealer::Outcome::sound);
}

TEST_CASE("bad parity sectors count with the bad data sectors of their word") {
  const Bytes intact = random_bytes(kSize, 4);
  Bytes side = parity_of(intact);
  const ParityLayout layout = ParityFile::parse(side).layout();
  for (unsigned row = 0; row < 6; ++row) {
    flip(side, layout.parity_offset(layout.parity_sector_of(0, row)) + 9);
  }
  RangeHealer healer(ParityFile::parse(side));
  Damaged damaged{intact};
  damage_sectors(damaged.object, 0, 1);
  damage_sectors(damaged.object, 3, 1);
  Bytes out(kSector);
  CHECK(healer.read(0, out, damaged.reader()) == RangeHealer::Outcome::healed);
  CHECK(std::equal(out.begin(), out.end(), intact.begin()));
  RangeHealer other(ParityFile::parse(side));
  damage_sectors(damaged.object, 6, 1);
  CHECK(other.read(0, out, damaged.reader()) == RangeHealer::Outcome::lost);
}

TEST_CASE("an object that ends early reads as it was if little is missing") {
  const Bytes intact = random_bytes(kSize, 5);
  RangeHealer healer(ParityFile::parse(parity_of(intact)));
  Damaged damaged{intact};
  damaged.object.resize(kSize - 5 * kSector - 100);
  Bytes out(20 * kSector);
  CHECK(healer.read(kSize - out.size(), out, damaged.reader()) == RangeHealer::Outcome::healed);
  CHECK(std::equal(out.begin(), out.end(), intact.end() - static_cast<std::ptrdiff_t>(out.size())));
}

TEST_CASE("what it holds stays within twice the side file") {
  const Bytes intact = random_bytes(kSize, 6);
  const Bytes side = parity_of(intact);
  RangeHealer healer(ParityFile::parse(side));
  Damaged damaged{intact};
  damage_sectors(damaged.object, 200, 24);  // all that three words can bear
  Bytes out(kSize);
  CHECK(healer.read(0, out, damaged.reader()) == RangeHealer::Outcome::healed);
  CHECK(out == intact);
  CHECK(healer.held_bytes() < 2 * side.size());
}
