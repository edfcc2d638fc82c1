#include "parity/header_page.h"

#include <blake3.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/codec.h"
#include "base/error.h"

namespace coppice {
namespace {

constexpr std::string_view kMagic = "CPPARITY";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kCheckedBytes =
    ParityLayout::kPageHeaderBytes + ParityLayout::kTableBytesPerPage;

std::array<std::uint8_t, ParityLayout::kPageChecksumBytes> page_checksum(ByteView page) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  blake3_hasher_update(&hasher, page.data(), kCheckedBytes);
  std::array<std::uint8_t, ParityLayout::kPageChecksumBytes> checksum;
  blake3_hasher_finalize(&hasher, checksum.data(), checksum.size());
  return checksum;
}

bool has_magic_and_checksum(ByteView page) {
  // The magic first: a search over the parity sectors should not hash them all.
  if (!std::ranges::equal(page.first(kMagic.size()), as_bytes(kMagic))) return false;
  return std::ranges::equal(page_checksum(page), page.subspan(kCheckedBytes));
}

}  // namespace

void write_header_page(const HeaderPage& page, MutableByteView out) {
  ByteWriter header;
  for (const auto letter : as_bytes(kMagic)) header.u8(letter);
  header.u32(kVersion);
  header.u32(page.number);
  header.u32(ParityGeometry::kSectorBytes);
  header.u8(static_cast<std::uint8_t>(page.header.geometry.data));
  header.u8(static_cast<std::uint8_t>(page.header.geometry.parity));
  header.u8(0);
  header.u8(0);
  header.u64(page.header.object_length);
  header.id(page.header.object_name);

  const auto table = std::ranges::copy(header.bytes(), out.begin()).out;
  const auto padding = std::ranges::copy(page.table, table).out;
  std::fill(padding, out.begin() + kCheckedBytes, std::uint8_t{0});
  std::ranges::copy(page_checksum(out), out.begin() + kCheckedBytes);
}

std::optional<HeaderPage> read_header_page(ByteView bytes) {
  if (!has_magic_and_checksum(bytes)) return std::nullopt;
  ByteReader reader(bytes.subspan(kMagic.size()), "parity file");
  const std::uint32_t version = reader.u32();
  if (version > kVersion) {
    throw Error(ErrorKind::newer_version, "parity file: written by a newer version of coppice");
  }
  HeaderPage page;
  page.number = reader.u32();
  const std::uint32_t sector_bytes = reader.u32();
  page.header.geometry.data = reader.u8();
  page.header.geometry.parity = reader.u8();
  const ByteView reserved = reader.raw(2);
  page.header.object_length = reader.u64();
  page.header.object_name = reader.id();
  page.table = reader.raw(ParityLayout::kTableBytesPerPage);
  const bool is_sound = version == kVersion && sector_bytes == ParityGeometry::kSectorBytes &&
                        page.header.geometry.is_valid() && reserved[0] == 0 && reserved[1] == 0 &&
                        page.header.object_length <= kMaxParityObjectBytes;
  return is_sound ? std::optional(page) : std::nullopt;
}

}  // namespace coppice
