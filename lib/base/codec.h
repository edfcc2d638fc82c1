#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/id.h"

namespace coppice {

/// Writes the primitives of docs/format.md section 2: little-endian integers, minimal varints,
/// counted bytes. Independent of the machine's byte order.
class ByteWriter {
 public:
  void u8(std::uint8_t value) { out_.push_back(value); }
  void u32(std::uint32_t value) { little_endian(value, 4); }
  void u64(std::uint64_t value) { little_endian(value, 8); }
  /// LEB128, least significant group first, never longer than needed (1 to 10 bytes).
  void varint(std::uint64_t value);
  /// Zigzag (0, -1, 1, -2 …) as varint.
  void svarint(std::int64_t value);
  /// The bytes themselves, no count.
  void raw(ByteView bytes);
  /// varint count, then the bytes.
  void counted(ByteView bytes);
  void text(std::string_view value) { counted(as_bytes(value)); }
  template <std::size_t N, typename Tag>
  void id(const FixedId<N, Tag>& value) {
    raw(value.view());
  }

  std::size_t size() const { return out_.size(); }
  const Bytes& bytes() const { return out_; }
  Bytes take() { return std::move(out_); }
  void clear() { out_.clear(); }

 private:
  void little_endian(std::uint64_t value, int width);

  Bytes out_;
};

/// Reads what ByteWriter wrote, from bytes that nobody vouches for. Every read is bounds-checked
/// and throws Error{damaged}; a count can never exceed the bytes that are left, so nothing large is
/// allocated on a lie.
class ByteReader {
 public:
  /// `what` names the object in messages ("tree 3f2a9c41").
  explicit ByteReader(ByteView bytes, std::string_view what = "object")
      : rest_(bytes), what_(what) {}

  std::uint8_t u8();
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64() { return little_endian(8); }
  std::uint64_t varint();
  std::int64_t svarint();
  /// A varint that must not exceed `max`; `field` names it in the message.
  std::uint64_t varint_max(std::uint64_t max, std::string_view field);
  /// A count of items that each take at least `min_item_bytes` of what is left (and at most `max`
  /// of them).
  std::size_t count(std::size_t min_item_bytes, std::uint64_t max, std::string_view field);
  ByteView raw(std::size_t size);
  /// varint count of at most `max`, then that many bytes.
  ByteView counted(std::uint64_t max, std::string_view field);
  std::string text(std::uint64_t max, std::string_view field) {
    return std::string(as_text(counted(max, field)));
  }
  template <typename FixedIdType = Id>
  FixedIdType id() {
    return FixedIdType::from(raw(FixedIdType::kSize));
  }

  std::size_t remaining() const { return rest_.size(); }
  bool at_end() const { return rest_.empty(); }
  /// Throws unless every byte was read.
  void expect_end() const;
  [[noreturn]] void fail(std::string_view reason) const;

 private:
  std::uint64_t little_endian(std::size_t width);

  ByteView rest_;
  std::string_view what_;
};

}  // namespace coppice
