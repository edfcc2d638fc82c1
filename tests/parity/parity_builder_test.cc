#include "parity/parity_builder.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "damage_kit.h"

using namespace coppice;
using namespace coppice::test;

TEST_CASE("the side file does not depend on how the object was cut into pieces") {
  const Bytes object = random_bytes(260 * kSector + 1000, 3);
  const Bytes whole = parity_of(object);
  for (const std::size_t piece :
       {std::size_t{1000}, kSector - 1, kSector, kSector + 1, 3 * kSector}) {
    ParityBuilder builder({}, object.size());
    for (std::size_t at = 0; at < object.size(); at += piece) {
      builder.append(ByteView(object).subspan(at, std::min(piece, object.size() - at)));
      builder.append({});
    }
    CHECK(builder.finish(name_of(object)) == whole);
  }
}

TEST_CASE("the side file has the size that was promised and says what it protects") {
  const std::size_t sizes[] = {0,
                               1,
                               kSector - 1,
                               kSector,
                               kSector + 1,
                               246 * kSector,
                               247 * kSector,
                               247 * kSector + 1,
                               494 * kSector,
                               3 << 20};
  for (const std::size_t size : sizes) {
    CAPTURE(size);
    const Bytes object = random_bytes(size, 4);
    Bytes bytes = parity_of(object);
    CHECK(bytes.size() == parity_file_size({}, size));
    const auto file = ParityFile::parse(std::move(bytes));
    CHECK(file.object_name() == name_of(object));
    CHECK(file.object_length() == size);
    CHECK(file.geometry() == ParityGeometry{});
    CHECK(file.is_intact());
    const auto report = scan(file, object);
    CHECK(report.is_object_intact());
    CHECK(report.bad_parity_sectors.empty());
    CHECK(report.healable);
  }
}

TEST_CASE("an object of another length than was said is an error") {
  const Bytes object = random_bytes(100, 5);
  ParityBuilder longer({}, 99);
  CHECK_THROWS_AS(longer.append(object), Error);
  ParityBuilder shorter({}, 101);
  shorter.append(object);
  CHECK_THROWS_AS(shorter.finish(name_of(object)), Error);
}

TEST_CASE("an impossible geometry or length is an error before anything is allocated") {
  CHECK_THROWS_AS(ParityBuilder({.data = 0, .parity = 8}, 1), Error);
  CHECK_THROWS_AS(ParityBuilder({.data = 250, .parity = 8}, 1), Error);
  CHECK_THROWS_AS(ParityBuilder({}, kMaxParityObjectBytes + 1), Error);
  CHECK_THROWS_AS(ParityBuilder({}, ~std::uint64_t{0}), Error);
}
