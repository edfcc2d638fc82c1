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

  auto operator<=>(const FixedId&) const = default;
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
