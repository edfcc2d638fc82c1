#include "fs/scratch_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "fs/scratch_file.h"

namespace coppice {
namespace {

Fd try_create_scratch_file() {
  try {
    return create_scratch_file();
  } catch (const Error&) {  // an expected outcome: there is another way
    return {};
  }
}

bool reserves(const Fd& file, std::size_t bytes) {
  return file.is_open() && ::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) == 0;
}

}  // namespace

void ScratchMemory::reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  if (bytes > heap_bytes_ && grow_file(bytes)) return;
  grow_heap(bytes);
}

bool ScratchMemory::grow_file(std::size_t bytes) {
  Fd fresh;
  if (file_.is_open() && reserves(file_, bytes)) return map(fresh, bytes);
  if (!file_.is_open()) fresh = try_create_scratch_file();
  if (reserves(fresh, bytes)) return map(fresh, bytes);
  fresh = Fd(::memfd_create("coppice-scratch", MFD_CLOEXEC));
  return reserves(fresh, bytes) && map(fresh, bytes);
}

/// Maps that much of `fresh`, or of the file there is, and takes what is there along.
bool ScratchMemory::map(Fd& fresh, std::size_t bytes) {
  const int fd = fresh.is_open() ? fresh.get() : file_.get();
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return false;
  if (fresh.is_open() && capacity_ > 0) std::memcpy(mapped, data(), capacity_);
  if (mapped_ != nullptr) ::munmap(mapped_, capacity_);
  if (fresh.is_open()) file_ = std::move(fresh);
  heap_.reset();
  mapped_ = mapped;
  capacity_ = bytes;
  return true;
}

void ScratchMemory::grow_heap(std::size_t bytes) {
  auto room = std::make_unique_for_overwrite<std::byte[]>(bytes);
  if (capacity_ > 0) std::memcpy(room.get(), data(), capacity_);
  unmap();
  heap_ = std::move(room);
  capacity_ = bytes;
}

void ScratchMemory::unmap() noexcept {
  if (mapped_ != nullptr) ::munmap(std::exchange(mapped_, nullptr), capacity_);
  file_ = Fd();
}

void ScratchMemory::swap(ScratchMemory& other) noexcept {
  std::swap(heap_bytes_, other.heap_bytes_);
  std::swap(file_, other.file_);
  std::swap(mapped_, other.mapped_);
  std::swap(heap_, other.heap_);
  std::swap(capacity_, other.capacity_);
}

}  // namespace coppice
