#include "parity/geometry.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"
#include "base/units.h"

using namespace coppice;

namespace {

constexpr double kBadSectors = 0.003;

/// That more than 8 of a code word's sectors are bad.
double word_loss(unsigned sectors) {
  double sum = 0;
  for (unsigned bad = 9; bad <= sectors; ++bad) {
    const double ways =
        std::lgamma(sectors + 1.0) - std::lgamma(bad + 1.0) - std::lgamma(sectors - bad + 1.0);
    sum +=
        std::exp(ways + bad * std::log(kBadSectors) + (sectors - bad) * std::log1p(-kBadSectors));
  }
  return sum;
}

}  // namespace

TEST_CASE("three percent is the default geometry") {
  CHECK(ParityGeometry::from_percent(3) == ParityGeometry{});
  CHECK(ParityGeometry{} == ParityGeometry{.data = 247, .parity = 8});
}

TEST_CASE("every percentage gives a valid geometry in which such a burst fits") {
  for (unsigned percent = 1; percent <= 50; ++percent) {
    CAPTURE(percent);
    const auto geometry = ParityGeometry::from_percent(percent);
    CHECK(geometry.is_valid());
    CHECK(geometry.data + geometry.parity == 255);
    for (std::uint64_t sectors = 1; sectors < 2000; ++sectors) {
      const ParityLayout layout(geometry, sectors * 4096);
      const std::uint64_t burst = (sectors * percent + 99) / 100;
      const std::uint64_t most_in_a_word = (burst + layout.code_words() - 1) / layout.code_words();
      REQUIRE(most_in_a_word <= geometry.parity);
    }
  }
}

TEST_CASE("a percentage outside 1 to 50 is refused") {
  CHECK_THROWS_AS(ParityGeometry::from_percent(0), Error);
  CHECK_THROWS_AS(ParityGeometry::from_percent(51), Error);
}

TEST_CASE("a geometry must have both kinds of sectors and at most 255 of them") {
  CHECK(ParityGeometry{.data = 1, .parity = 1}.is_valid());
  CHECK(ParityGeometry{.data = 1, .parity = 254}.is_valid());
  CHECK_FALSE(ParityGeometry{.data = 0, .parity = 8}.is_valid());
  CHECK_FALSE(ParityGeometry{.data = 8, .parity = 0}.is_valid());
  CHECK_FALSE(ParityGeometry{.data = 248, .parity = 8}.is_valid());
  CHECK_FALSE(ParityGeometry{.data = 0xffffffff, .parity = 2}.is_valid());
}

TEST_CASE("of 64 MiB packs with 0.3 % random bad sectors fewer than 1 in 100,000 is lost") {
  const ParityLayout layout({}, 64 * kMiB);
  CHECK(layout.data_sectors() == 16384);
  CHECK(layout.code_words() == 67);
  CHECK(layout.parity_sectors() == 536);
  CHECK(layout.pages() == 34);
  double lost = static_cast<double>(layout.pages()) * std::pow(kBadSectors, ParityLayout::kCopies);
  for (std::uint64_t word = 0; word < layout.code_words(); ++word) {
    const auto in_use =
        (layout.data_sectors() - word + layout.code_words() - 1) / layout.code_words();
    lost += word_loss(static_cast<unsigned>(in_use) + 8);
  }
  CHECK(lost < 0.8e-5);
  CHECK(lost > 0.7e-5);
}

TEST_CASE("the side file of a 64 MiB pack takes less than 4 percent") {
  CHECK(parity_file_size({}, 64 * kMiB) == (536 + 3 * 34) * 4096);
  CHECK(parity_file_size({}, 1) == (8 + 3) * 4096);
  CHECK(parity_file_size({}, 0) == 3 * 4096);
}

TEST_CASE("parts of the side file touch and do not overlap") {
  const ParityLayout layout({.data = 5, .parity = 2}, 10 * kMiB);
  CHECK(layout.page_offset(0, 0) == 0);
  CHECK(layout.parity_offset(0) == layout.page_offset(0, layout.pages() - 1) + 4096);
  CHECK(layout.page_offset(1, 0) == layout.parity_offset(layout.parity_sectors() - 1) + 4096);
  CHECK(layout.page_offset(2, 0) == layout.page_offset(1, layout.pages() - 1) + 4096);
  CHECK(layout.file_bytes() == layout.page_offset(2, layout.pages() - 1) + 4096);
}
