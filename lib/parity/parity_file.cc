#include "parity/parity_file.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"

namespace coppice {
namespace {

bool is_page_place(const ParityLayout& layout, std::uint64_t number, std::uint64_t offset) {
  for (unsigned copy = 0; copy < ParityLayout::kCopies; ++copy) {
    if (layout.page_offset(copy, number) == offset) return true;
  }
  return false;
}

/// The first whole page tells where all others are, but only if length of file and place of page
/// agree with it: nothing is computed from, or allocated for, a header that claims more than is
/// there.
ParityHeader find_header(ByteView file) {
  for (std::uint64_t offset = 0; offset + ParityLayout::kPageBytes <= file.size();
       offset += ParityLayout::kPageBytes) {
    const auto page = read_header_page(file.subspan(offset, ParityLayout::kPageBytes));
    if (!page) continue;
    const ParityLayout layout(page->header.geometry, page->header.object_length);
    if (layout.file_bytes() != file.size() || page->number >= layout.pages()) continue;
    if (is_page_place(layout, page->number, offset)) return page->header;
  }
  throw_damaged("parity file: no usable header, or its length is not what the header says");
}

}  // namespace

ParityFile ParityFile::parse(Bytes file) {
  const ParityHeader header = find_header(file);
  return {std::move(file), header};
}

ParityFile::ParityFile(Bytes file, const ParityHeader& header)
    : file_(std::move(file)),
      layout_(header.geometry, header.object_length),
      object_name_(header.object_name) {
  gather_pages(header);
  check_parity_sectors();
}

void ParityFile::gather_pages(const ParityHeader& header) {
  table_.reserve(layout_.pages() * ParityLayout::kTableBytesPerPage);
  for (std::uint64_t number = 0; number < layout_.pages(); ++number) {
    if (!take_page(header, number)) {
      throw_damaged("parity file: all copies of header page " + std::to_string(number) +
                    " are damaged");
    }
  }
}

bool ParityFile::take_page(const ParityHeader& header, std::uint64_t number) {
  bool is_taken = false;
  for (unsigned copy = 0; copy < ParityLayout::kCopies; ++copy) {
    const auto page = read_header_page(
        ByteView(file_).subspan(layout_.page_offset(copy, number), ParityLayout::kPageBytes));
    const bool is_good = page && page->number == number && page->header == header;
    if (!is_good) pages_are_intact_ = false;
    if (is_good && !is_taken) table_.insert(table_.end(), page->table.begin(), page->table.end());
    is_taken = is_taken || is_good;
  }
  return is_taken;
}

void ParityFile::check_parity_sectors() {
  for (std::uint64_t i = 0; i < layout_.parity_sectors(); ++i) {
    const auto actual = sector_checksum(parity_sector(i));
    if (!std::ranges::equal(actual, checksum(layout_.data_sectors() + i))) {
      bad_parity_sectors_.push_back(i);
    }
  }
}

bool ParityFile::is_data_sector(std::uint64_t number, ByteView sector) const {
  return std::ranges::equal(sector_checksum(sector), checksum(number));
}

ByteView ParityFile::parity_sector(std::uint64_t number) const {
  return ByteView(file_).subspan(layout_.parity_offset(number), ParityGeometry::kSectorBytes);
}

ByteView ParityFile::checksum(std::uint64_t entry) const {
  return ByteView(table_).subspan(entry * ParityLayout::kChecksumBytes,
                                  ParityLayout::kChecksumBytes);
}

}  // namespace coppice
