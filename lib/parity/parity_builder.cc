#include "parity/parity_builder.h"

#include <algorithm>

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

void ParityBuilder::add_sector(ByteView sector) {
  const std::uint64_t word = layout_.word_of(next_sector_);
  for (unsigned row = 0; row < rows_.size(); ++row) {
    rows_[row] = &file_[layout_.parity_offset(layout_.parity_sector_of(word, row))];
  }
  code_.add(layout_.position_of(next_sector_), sector, rows_);
  std::ranges::copy(sector_checksum(sector), &table_[next_sector_ * ParityLayout::kChecksumBytes]);
  ++next_sector_;
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
