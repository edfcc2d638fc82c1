#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "base/units.h"
#include "fs/fd.h"

namespace coppice {

/// Room for tables that grow with what a job meets (names of a directory, names of hard links): on
/// the heap up to a bound, and beyond it in a scratch file (scratch_file.h) that is mapped. Its
/// pages are the kernel's to write out and to drop: they are nobody's private memory. The file's
/// blocks are reserved before they are touched, so a disk that fills up is no SIGBUS; where the
/// directory takes no such file, or has no room, it lies in memory of the system's. Not
/// thread-safe.
class ScratchMemory {
 public:
  explicit ScratchMemory(std::size_t heap_bytes) : heap_bytes_(heap_bytes) {}
  ~ScratchMemory() { unmap(); }
  ScratchMemory(ScratchMemory&& other) noexcept { swap(other); }
  ScratchMemory& operator=(ScratchMemory&& other) noexcept {
    swap(other);
    return *this;
  }

  /// Keeps what is there; moves it, so pointers into it are void. Throws std::bad_alloc.
  void reserve(std::size_t bytes);
  void* data() { return mapped_ != nullptr ? mapped_ : heap_.get(); }
  const void* data() const { return mapped_ != nullptr ? mapped_ : heap_.get(); }
  std::size_t capacity() const { return capacity_; }
  /// What is there lies in the file.
  bool is_spilled() const { return mapped_ != nullptr; }

 private:
  bool grow_file(std::size_t bytes);
  bool map(Fd& fresh, std::size_t bytes);
  void grow_heap(std::size_t bytes);
  void unmap() noexcept;
  void swap(ScratchMemory& other) noexcept;

  std::size_t heap_bytes_ = 0;
  Fd file_;
  void* mapped_ = nullptr;             // all of the file …
  std::unique_ptr<std::byte[]> heap_;  // … or this, never both
  std::size_t capacity_ = 0;
};

/// A vector in scratch memory. Not thread-safe.
template <typename T>
class ScratchVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit ScratchVector(std::size_t heap_bytes) : memory_(heap_bytes) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool is_spilled() const { return memory_.is_spilled(); }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }
  T* begin() { return static_cast<T*>(memory_.data()); }
  T* end() { return begin() + size_; }
  const T* begin() const { return static_cast<const T*>(memory_.data()); }
  const T* end() const { return begin() + size_; }

  void push_back(const T& value) { append(std::span<const T>(&value, 1)); }
  /// `values` must not lie in this vector.
  void append(std::span<const T> values) {
    if (values.empty()) return;
    make_room(size_ + values.size());
    std::memcpy(static_cast<void*>(end()), values.data(), values.size_bytes());
    size_ += values.size();
  }
  /// New elements are all zero bytes.
  void resize(std::size_t size) {
    make_room(size);
    if (size > size_) std::memset(static_cast<void*>(end()), 0, (size - size_) * sizeof(T));
    size_ = size;
  }

 private:
  void make_room(std::size_t size) {
    if (size * sizeof(T) <= memory_.capacity()) return;
    constexpr std::size_t kFirstBytes = 256;
    memory_.reserve(std::max({size * sizeof(T), 2 * memory_.capacity(), kFirstBytes}));
  }

  ScratchMemory memory_;
  std::size_t size_ = 0;
};

}  // namespace coppice
