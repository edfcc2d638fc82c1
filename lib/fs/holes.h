#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace coppice {

/// A run of bytes in a file.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  bool operator==(const Extent&) const = default;
};

bool is_all_zero(ByteView bytes);

/// The first run of data at or after `offset` and below `size`, by SEEK_DATA and SEEK_HOLE; what
/// lies between `offset` and it is a hole and reads as zeros. {size, 0} if only a hole is left,
/// also if the file was cut below `offset` meanwhile: the caller compares the size again when it is
/// done. Where the file system cannot tell, all of the rest is data. Moves the file position, so
/// use read_at beside it. Throws system_error.
Extent next_data(int fd, std::uint64_t offset, std::uint64_t size);

/// False where one call tells that all of the first `size` bytes are data, as they nearly always
/// are; true is no promise. Moves the file position.
bool may_have_holes(int fd, std::uint64_t size);

// For file systems that take all for data (tells_holes in fs/mount_info.h):

/// As next_data, by reading: blocks of 64 KiB of zeros, counted from `offset`, and zeros up to the
/// end are a hole; from the first other block on all is data. Throws system_error.
Extent next_nonzero(int fd, std::uint64_t offset, std::uint64_t size);
/// Where in `bytes`, which lie at `offset` of a file, `length` zeros begin, at a whole 4 KiB of the
/// file; bytes.size() if nowhere.
std::size_t find_zero_run(ByteView bytes, std::uint64_t offset, std::size_t length);

}  // namespace coppice
