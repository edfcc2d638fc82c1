#pragma once
#include <string.h>

#include <array>
#include <cstdint>
#include <utility>

#include "base/bytes.h"

namespace coppice {

/// N secret bytes: move-only, wiped when destroyed or moved from. Copies are made only by `clone`.
template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;
  /// Requires bytes.size() == N.
  explicit Secret(ByteView bytes) {
    for (std::size_t i = 0; i < N && i < bytes.size(); ++i) bytes_[i] = bytes[i];
  }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  ByteView view() const { return bytes_; }
  MutableByteView mutable_view() { return bytes_; }
  Secret clone() const { return Secret(view()); }

 private:
  void wipe() { explicit_bzero(bytes_.data(), N); }

  std::array<std::uint8_t, N> bytes_{};
};

using Secret32 = Secret<32>;

/// Variable-length secret bytes (a passphrase, an unsealed payload): move-only and wiped.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) {
    other.bytes_.clear();
  }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      other.bytes_.clear();
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(); }

  ByteView view() const { return bytes_; }
  bool is_empty() const { return bytes_.empty(); }

 private:
  void wipe() {
    if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
  }

  Bytes bytes_;
};

}  // namespace coppice
