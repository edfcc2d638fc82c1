#include "base/codec.h"

#include <string>

#include "base/error.h"

namespace coppice {

void ByteWriter::little_endian(std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<std::uint8_t>(value));
}

void ByteWriter::svarint(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  varint((bits << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

// Not inline: g++ 12 would warn of a false overflow where it sees a one-byte vector grow.
void ByteWriter::raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

void ByteWriter::counted(ByteView bytes) {
  varint(bytes.size());
  raw(bytes);
}

void ByteReader::fail(std::string_view reason) const {
  throw_damaged(std::string(what_) + ": " + std::string(reason));
}

ByteView ByteReader::raw(std::size_t size) {
  if (size > rest_.size()) fail("cut short");
  const ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint8_t ByteReader::u8() { return raw(1)[0]; }

std::uint64_t ByteReader::little_endian(std::size_t width) {
  const ByteView bytes = raw(width);
  std::uint64_t value = 0;
  for (std::size_t i = width; i > 0; --i) value = value << 8 | bytes[i - 1];
  return value;
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    const std::uint64_t group = byte & 0x7F;
    if (shift == 63 && group > 1) fail("number too large");
    value |= group << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) fail("number not in its shortest form");
      return value;
    }
  }
  fail("number too long");
}

std::int64_t ByteReader::svarint() {
  const std::uint64_t bits = varint();
  return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

std::uint64_t ByteReader::varint_max(std::uint64_t max, std::string_view field) {
  const std::uint64_t value = varint();
  if (value > max) fail(std::string(field) + " out of range");
  return value;
}

std::size_t ByteReader::count(std::size_t min_item_bytes, std::uint64_t max,
                              std::string_view field) {
  const std::uint64_t value = varint_max(max, field);
  if (min_item_bytes > 0 && value > rest_.size() / min_item_bytes) {
    fail(std::string(field) + " exceeds the bytes that follow");
  }
  return static_cast<std::size_t>(value);
}

ByteView ByteReader::counted(std::uint64_t max, std::string_view field) {
  const std::uint64_t size = varint_max(max, field);
  return raw(static_cast<std::size_t>(size));
}

void ByteReader::expect_end() const {
  if (!rest_.empty()) fail("bytes left over");
}

}  // namespace coppice
