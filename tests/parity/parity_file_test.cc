// Goal: a damaged side file is used as far as it goes; a hostile one throws Error and never makes
// the program allocate more than the file itself holds.
#include "parity/parity_file.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "base/error.h"
#include "damage_kit.h"
#include "parity/sector.h"

using namespace coppice;
using namespace coppice::test;

namespace {

std::size_t largest_allocation = 0;

ErrorKind kind_of_parse(Bytes bytes) {
  try {
    ParityFile::parse(std::move(bytes));
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("parsed");
  return ErrorKind::failed;
}

/// Makes an altered page valid again.
void seal_page(Bytes& file, std::size_t offset) {
  const Id checksum = name_of(ByteView(file).subspan(offset, kSector - 32));
  std::ranges::copy(checksum.bytes,
                    file.begin() + static_cast<std::ptrdiff_t>(offset + kSector) - 32);
}

/// A header field that is not what it should be: little-endian, `width` bytes at `offset` of every
/// page.
struct Lie {
  const char* field;
  std::size_t offset;
  std::size_t width;
  std::uint64_t value;
};

/// A one-sector object's side file, with the lie in all its pages.
Bytes forged(const Lie& lie) {
  Bytes file = parity_of(random_bytes(100, 13));
  for (const std::size_t page : {std::size_t{0}, 9 * kSector, 10 * kSector}) {
    for (std::size_t i = 0; i < lie.width; ++i) {
      file[page + lie.offset + i] = static_cast<std::uint8_t>(lie.value >> (8 * i));
    }
    seal_page(file, page);
  }
  return file;
}

}  // namespace

// Counts what the parser asks for; the whole test program goes through here. Not inlined, or g++
// sees malloc's memory meet another allocator's delete and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
  largest_allocation = std::max(largest_allocation, size);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("two of three copies of every header page may be bad") {
  const Bytes object = random_bytes(5000 * kSector, 14);
  const Bytes whole = parity_of(object);
  const ParityLayout layout({}, object.size());
  REQUIRE(layout.pages() > 8);
  for (unsigned survivor = 0; survivor < 3; ++survivor) {
    Bytes bytes = whole;
    for (std::uint64_t page = 0; page < layout.pages(); ++page) {
      for (unsigned copy = 0; copy < 3; ++copy) {
        // A different copy survives of each page.
        if (copy != (survivor + page) % 3) flip(bytes, layout.page_offset(copy, page) + page * 100);
      }
    }
    const auto file = ParityFile::parse(std::move(bytes));
    CHECK_FALSE(file.is_intact());
    CHECK(file.bad_parity_sectors().empty());
    CHECK(file.object_name() == name_of(object));
    CHECK(scan(file, object).is_object_intact());
  }
}

TEST_CASE("a burst over the front of the side file leaves the copies behind") {
  const Bytes object = random_bytes(3 << 20, 15);
  Bytes bytes = parity_of(object);
  std::fill_n(bytes.begin(), ParityLayout({}, object.size()).parity_offset(1), std::uint8_t{0});
  const auto file = ParityFile::parse(bytes);
  CHECK(file.bad_parity_sectors() == std::vector<std::uint64_t>{0});
  Bytes damaged = object;
  damage_sectors(damaged, 0, 14);
  CHECK(heal(file, damaged) == object);
}

TEST_CASE("a side file without any good copy of a page is damaged") {
  const ParityLayout layout({}, 5000 * kSector);
  Bytes bytes = parity_of(random_bytes(5000 * kSector, 16));
  for (unsigned copy = 0; copy < 3; ++copy) flip(bytes, layout.page_offset(copy, 3));
  CHECK(kind_of_parse(bytes) == ErrorKind::damaged);
}

TEST_CASE("every flipped byte of a side file is noticed and harmless") {
  const Bytes object = random_bytes(100, 17);
  const Bytes whole = parity_of(object, {.data = 2, .parity = 1});
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    Bytes bytes = whole;
    flip(bytes, at);
    const auto file = ParityFile::parse(std::move(bytes));
    REQUIRE_FALSE(file.is_intact());
    REQUIRE(file.object_name() == name_of(object));
  }
}

TEST_CASE("a side file of the wrong length is damaged") {
  const Bytes whole = parity_of(random_bytes(100, 18));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kSector - 1, kSector, 10 * kSector,
                                 whole.size() - 1, whole.size() + 1, whole.size() + kSector}) {
    CAPTURE(size);
    Bytes bytes = whole;
    bytes.resize(size);
    CHECK(kind_of_parse(bytes) == ErrorKind::damaged);
  }
}

TEST_CASE("hostile headers throw, and nothing larger than the file is allocated for them") {
  const Lie lies[] = {
      {"version", 8, 4, 0},
      {"page number", 12, 4, 1},
      {"page number", 12, 4, 0xffffffff},
      {"sector size", 16, 4, 0},
      {"sector size", 16, 4, 512},
      {"sector size", 16, 4, 0xffffffff},
      {"data sectors", 20, 1, 0},
      {"data sectors", 20, 1, 255},
      {"parity sectors", 21, 1, 0},
      {"parity sectors", 21, 1, 7},
      {"parity sectors", 21, 1, 9},
      {"parity sectors", 21, 1, 255},
      {"reserved", 22, 1, 1},
      {"reserved", 23, 1, 1},
      {"length", 24, 8, 0},
      {"length", 24, 8, 512 * kSector},
      {"length", 24, 8, std::uint64_t{1} << 30},
      {"length", 24, 8, kMaxParityObjectBytes},
      {"length", 24, 8, kMaxParityObjectBytes + 1},
      {"length", 24, 8, ~std::uint64_t{0}},
      {"length", 24, 8, ~std::uint64_t{0} - 4096},
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.field);
    CAPTURE(lie.value);
    Bytes bytes = forged(lie);
    const std::size_t size = bytes.size();
    largest_allocation = 0;
    CHECK(kind_of_parse(std::move(bytes)) == ErrorKind::damaged);
    CHECK(largest_allocation <= size);
  }
}

TEST_CASE("a later version is not called damaged") {
  CHECK(kind_of_parse(forged({"version", 8, 4, 2})) == ErrorKind::newer_version);
}

TEST_CASE("pages of another object's side file are not mixed in") {
  Bytes bytes = parity_of(random_bytes(100, 19));
  const Bytes other = parity_of(random_bytes(100, 20));
  std::copy_n(other.begin() + 10 * kSector, kSector, bytes.begin() + 10 * kSector);
  const auto file = ParityFile::parse(bytes);
  CHECK_FALSE(file.is_intact());
  CHECK(file.object_name() == name_of(random_bytes(100, 19)));
}

TEST_CASE("a sector's checksum is CRC-64/XZ") {
  // The check value of the catalogue of CRCs: 0x995dc9bbdf1939fa.
  const SectorChecksum expected{0xfa, 0x39, 0x19, 0xdf, 0xbb, 0xc9, 0x5d, 0x99};
  CHECK(sector_checksum(as_bytes("123456789")) == expected);
}

TEST_CASE("a checksum table that lies makes rebuild throw") {
  Bytes bytes = parity_of(random_bytes(3 * kSector, 21));
  const std::size_t pages[] = {0, 9 * kSector, 10 * kSector};
  for (const auto page : pages) {
    flip(bytes, page + 64 + 8);  // of data sector 1
    seal_page(bytes, page);
  }
  const auto file = ParityFile::parse(bytes);
  CHECK(file.is_intact());
  CHECK_THROWS_AS(heal(file, random_bytes(3 * kSector, 21)), Error);
}
