#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

/// Constructs nothing where nothing is given to construct from.
template <typename T>
struct UninitializedAllocator : std::allocator<T> {
  template <typename U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  template <typename U, typename... Values>
  void construct(U* at, Values&&... values) {
    if constexpr (sizeof...(Values) == 0) {
      ::new (static_cast<void*>(at)) U;
    } else {
      ::new (static_cast<void*>(at)) U(std::forward<Values>(values)...);
    }
  }
};

/// Bytes that are about to be read: `resize` leaves new ones as they are in memory, where Bytes
/// would clear each before it is overwritten.
using UnsetBytes = std::vector<std::uint8_t, UninitializedAllocator<std::uint8_t>>;

/// The bytes of a string, viewed; the string must outlive the view.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// Bytes viewed as text; no encoding is assumed.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
/// Decodes exactly out.size() bytes of lower-case hex; false (out unspecified) for anything else.
bool from_hex(std::string_view hex, MutableByteView out);

}  // namespace coppice
