#include "parity/parity_builder.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "parity/header_page.h"

namespace coppice {
namespace {

ParityLayout checked_layout(ParityGeometry geometry, std::uint64_t object_length) {
  if (!geometry.is_valid() || object_length > kMaxParityObjectBytes) {
    throw Error(ErrorKind::failed, "parity: impossible geometry or length");
  }
  return {geometry, object_length};
}

}  // namespace

ParityBuilder::ParityBuilder(ParityGeometry geometry, std::uint64_t object_length)
    : layout_(checked_layout(geometry, object_length)),
      code_(geometry),
      file_(layout_.file_bytes()),
      table_(layout_.table_bytes()),
      rows_(geometry.parity) {}

void ParityBuilder::append(ByteView bytes) {
  if (bytes.size() > layout_.object_length() - appended_) {
    throw Error(ErrorKind::failed, "parity: the object is longer than was said");
  }
  appended_ += bytes.size();
  const std::size_t whole = bytes.size() / ParityGeometry::kSectorBytes;
  if (cutter_.is_between_sectors() && whole >= 2 * layout_.code_words()) {
    add_sectors(bytes.first(whole * ParityGeometry::kSectorBytes));
    bytes = bytes.subspan(whole * ParityGeometry::kSectorBytes);
  }
  cutter_.append(bytes, [this](ByteView sector) { add_sector(sector); });
}

Bytes ParityBuilder::finish(const Id& object_name) {
  if (appended_ != layout_.object_length()) {
    throw Error(ErrorKind::failed, "parity: the object is shorter than was said");
  }
  cutter_.finish([this](ByteView sector) { add_sector(sector); });
  write_parity_checksums();
  write_pages(object_name);
  return std::move(file_);
}

void ParityBuilder::find_rows(std::uint64_t word) {
  for (unsigned row = 0; row < rows_.size(); ++row) {
    rows_[row] = &file_[layout_.parity_offset(layout_.parity_sector_of(word, row))];
  }
}

void ParityBuilder::add_checksum(ByteView sector) {
  std::ranges::copy(sector_checksum(sector), &table_[next_sector_ * ParityLayout::kChecksumBytes]);
  ++next_sector_;
}

void ParityBuilder::add_sector(ByteView sector) {
  find_rows(layout_.word_of(next_sector_));
  code_.add(layout_.position_of(next_sector_), sector, rows_);
  add_checksum(sector);
}

/// Many at once: word by word, those of one word together.
void ParityBuilder::add_sectors(ByteView sectors) {
  constexpr std::size_t kSector = ParityGeometry::kSectorBytes;
  const std::uint64_t words = layout_.code_words();
  const std::uint64_t first = next_sector_;
  const std::uint64_t end = first + sectors.size() / kSector;
  std::array<const std::uint8_t*, ReedSolomon::kMaxRun> run{};
  for (std::uint64_t start = first; start < std::min(end, first + words); ++start) {
    find_rows(layout_.word_of(start));
    for (std::uint64_t sector = start; sector < end;) {
      const unsigned position = layout_.position_of(sector);
      std::size_t count = 0;
      for (; count < run.size() && sector < end; sector += words)
        run[count++] = &sectors[static_cast<std::size_t>(sector - first) * kSector];
      code_.add_run(position, std::span(run).first(count), rows_);
    }
  }
  for (std::uint64_t sector = first; sector < end; ++sector)
    add_checksum(sectors.subspan(static_cast<std::size_t>(sector - first) * kSector, kSector));
}

void ParityBuilder::write_parity_checksums() {
  for (std::uint64_t i = 0; i < layout_.parity_sectors(); ++i) {
    const ByteView sector =
        ByteView(file_).subspan(layout_.parity_offset(i), ParityGeometry::kSectorBytes);
    const std::uint64_t entry = layout_.data_sectors() + i;
    std::ranges::copy(sector_checksum(sector), &table_[entry * ParityLayout::kChecksumBytes]);
  }
}

void ParityBuilder::write_pages(const Id& object_name) {
  HeaderPage page;
  page.header = {layout_.geometry(), layout_.object_length(), object_name};
  for (std::uint64_t number = 0; number < layout_.pages(); ++number) {
    const std::size_t start = number * ParityLayout::kTableBytesPerPage;
    page.number = static_cast<std::uint32_t>(number);
    page.table = ByteView(table_).subspan(
        start, std::min<std::size_t>(ParityLayout::kTableBytesPerPage, table_.size() - start));
    for (unsigned copy = 0; copy < ParityLayout::kCopies; ++copy) {
      write_header_page(page, MutableByteView(file_).subspan(layout_.page_offset(copy, number),
                                                             ParityLayout::kPageBytes));
    }
  }
}

}  // namespace coppice
