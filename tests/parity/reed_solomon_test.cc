// Checks the code against a second implementation, written from docs/format.md alone: what a
// stranger would write.
#include "parity/reed_solomon.h"

#include <doctest/doctest.h>

#include <vector>

#include "damage_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

// NOLINTNEXTLINE(bugprone-easily-swappable-parameters): multiplication commutes
std::uint8_t multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1U) {
    if ((b & 1U) != 0) product ^= a;
    a <<= 1U;
    if ((a & 0x100U) != 0) a ^= 0x11dU;
  }
  return static_cast<std::uint8_t>(product);
}

std::uint8_t inverse(unsigned a) {
  for (unsigned candidate = 1; candidate < 256; ++candidate) {
    if (multiply(a, candidate) == 1) return static_cast<std::uint8_t>(candidate);
  }
  return 0;
}

/// Parity sector `number` of an object, by the book.
Bytes parity_by_the_book(ByteView object, ParityGeometry geometry, std::uint64_t number) {
  const std::size_t sectors = (object.size() + kSector - 1) / kSector;
  const std::size_t words = (sectors + geometry.data - 1) / geometry.data;
  const std::size_t row = number / words;
  Bytes parity(kSector);
  for (std::size_t sector = number % words; sector < sectors; sector += words) {
    const auto position = sector / words;
    const std::uint8_t factor = inverse(static_cast<unsigned>((geometry.data + row) ^ position));
    for (std::size_t i = 0; i < kSector && sector * kSector + i < object.size(); ++i) {
      const unsigned product = multiply(factor, object[sector * kSector + i]);
      parity[i] = static_cast<std::uint8_t>(parity[i] ^ product);
    }
  }
  return parity;
}

}  // namespace

TEST_CASE("parity sectors are what the format document says") {
  const ParityGeometry geometries[] = {{247, 8}, {3, 2}, {1, 1}, {1, 254}, {170, 85}};
  for (const auto& geometry : geometries) {
    CAPTURE(geometry.data);
    const Bytes object = random_bytes(300 * kSector + 17, 1);
    const auto file = ParityFile::parse(parity_of(object, geometry));
    const auto last = file.layout().parity_sectors() - 1;
    for (const std::uint64_t number : {std::uint64_t{0}, last / 2, last}) {
      CHECK(to_bytes(file.parity_sector(number)) == parity_by_the_book(object, geometry, number));
    }
  }
}

TEST_CASE("whatever multiplies, the parity is the same") {
  if (ReedSolomon::quickest_multiplier() == ReedSolomon::Multiplier::isal) {
    MESSAGE("skipped: this processor has no GFNI");
    return;
  }
  const ParityGeometry geometries[] = {{247, 8}, {3, 2}, {1, 1}, {170, 85}, {240, 11}};
  for (const auto& geometry : geometries) {
    CAPTURE(geometry.data);
    const ReedSolomon isal(geometry, ReedSolomon::Multiplier::isal);
    const ReedSolomon gfni(geometry, ReedSolomon::Multiplier::gfni);
    const Bytes word = random_bytes(geometry.data * kSector, geometry.data);
    Bytes expected(geometry.parity * kSector);
    Bytes sums(geometry.parity * kSector);
    const auto rows_of = [](Bytes& bytes) {
      std::vector<std::uint8_t*> rows;
      for (std::size_t at = 0; at < bytes.size(); at += kSector) rows.push_back(&bytes[at]);
      return rows;
    };
    for (unsigned position = 0; position < geometry.data;) {
      std::vector<const std::uint8_t*> run;
      for (; run.size() < 1 + position % ReedSolomon::kMaxRun &&
             position + run.size() < geometry.data;)
        run.push_back(&word[(position + run.size()) * kSector]);
      gfni.add_run(position, run, rows_of(sums));
      for (const std::uint8_t* sector : run)
        isal.add(position++, ByteView(sector, kSector), rows_of(expected));
    }
    CHECK(sums == expected);
  }
}

TEST_CASE("any sectors of a code word, as many as there is parity, are rebuilt from any rows") {
  const ParityGeometry geometry{.data = 6, .parity = 3};
  const ReedSolomon code(geometry);
  const Bytes word = random_bytes(6 * kSector, 2);
  for (unsigned a = 0; a < 6; ++a) {
    for (unsigned b = a + 1; b < 6; ++b) {
      for (unsigned unused_row = 0; unused_row < 3; ++unused_row) {
        const unsigned rows[] = {unused_row == 0 ? 1U : 0U, unused_row == 2 ? 1U : 2U};
        const unsigned positions[] = {a, b};
        Bytes sums(3 * kSector);
        std::uint8_t* const places[] = {&sums[0], &sums[kSector], &sums[2 * kSector]};
        // In GF(2^8) the parity of the missing sectors is the difference that `solve` expects.
        for (const unsigned position : positions) {
          code.add(position, ByteView(word).subspan(position * kSector, kSector), places);
        }
        std::uint8_t* const chosen[] = {places[rows[0]], places[rows[1]]};
        const Bytes solved = code.solve(positions, rows, chosen);
        CHECK(std::equal(solved.begin(), solved.begin() + kSector, &word[a * kSector]));
        CHECK(std::equal(solved.begin() + kSector, solved.end(), &word[b * kSector]));
      }
    }
  }
}
