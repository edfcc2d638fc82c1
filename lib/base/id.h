#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "base/bytes.h"

namespace coppice {

/// A fixed-size name made of bytes: comparable, hashable, printed as lower-case hex.
template <std::size_t N, typename Tag>
struct FixedId {
  static constexpr std::size_t kSize = N;

  std::array<std::uint8_t, N> bytes{};

  /// Requires view.size() == N.
  static FixedId from(ByteView view) {
    FixedId id;
    std::memcpy(id.bytes.data(), view.data(), N);
    return id;
  }
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  /// The first 8 hex digits, as shown to people.
  std::string short_hex() const { return to_hex(ByteView(bytes).first(4)); }
  bool is_zero() const { return *this == FixedId{}; }

  /// The first eight bytes as a number, which orders as ids do, on machines of either byte order.
  /// Compilers make one load of it, and a swap where that is needed.
  std::uint64_t leading() const {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | bytes[i];
    return number;
  }

  /// As that of the bytes; ids are random, so that eight of them nearly always decide.
  std::strong_ordering operator<=>(const FixedId& other) const {
    const auto first = leading() <=> other.leading();
    return first != 0 ? first : std::memcmp(bytes.data(), other.bytes.data(), N) <=> 0;
  }
  bool operator==(const FixedId&) const = default;

  /// Eight of the bytes as a number: ids are uniformly distributed, so this is a hash.
  std::uint64_t hash() const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
  }
};

/// Names 32 bytes of hash: a chunk, tree, snapshot, object file, session or repository
/// (docs/format.md, section 2).
using Id = FixedId<32, struct IdTag>;
/// Names a key slot: 16 random bytes.
using SlotId = FixedId<16, struct SlotIdTag>;

}  // namespace coppice

template <std::size_t N, typename Tag>
struct std::hash<coppice::FixedId<N, Tag>> {
  std::size_t operator()(const coppice::FixedId<N, Tag>& id) const noexcept {
    return static_cast<std::size_t>(id.hash());
  }
};
