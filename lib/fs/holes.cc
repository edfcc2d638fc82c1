#include "fs/holes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "fs/fd.h"

namespace coppice {
namespace {

constexpr std::size_t kZeroBlock = 64 << 10;

}  // namespace

bool is_all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

Extent next_data(int fd, std::uint64_t offset, std::uint64_t size) {
  if (offset >= size) return {size, 0};
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    if (errno == ENXIO) return {size, 0};
    if (errno == EINVAL || errno == EOPNOTSUPP) return {offset, size - offset};
    throw system_error("seek data", errno);
  }
  const auto start = static_cast<std::uint64_t>(data);
  if (start >= size) return {size, 0};
  const off_t hole = ::lseek(fd, data, SEEK_HOLE);
  // ENXIO: the file was cut between the two calls; the reader will meet its end.
  if (hole < 0 && errno != ENXIO) throw system_error("seek hole", errno);
  const std::uint64_t end = hole < 0 ? size : std::min(static_cast<std::uint64_t>(hole), size);
  return {start, end - start};
}

bool may_have_holes(int fd, std::uint64_t size) {
  const off_t hole = ::lseek(fd, 0, SEEK_HOLE);
  return hole < 0 || static_cast<std::uint64_t>(hole) < size;
}

Extent next_nonzero(int fd, std::uint64_t offset, std::uint64_t size) {
  Bytes block(kZeroBlock);
  for (std::uint64_t at = offset; at < size; at += block.size()) {
    const std::size_t got = read_at(fd, block, at);
    const bool is_long_enough = got == block.size() || at + got >= size;
    if (got == 0 || !is_long_enough || !is_all_zero(ByteView(block).first(got))) {
      return {at, size - at};
    }
  }
  return {size, 0};
}

std::size_t find_zero_run(ByteView bytes, std::uint64_t offset, std::size_t length) {
  constexpr std::uint64_t kUnit = 4096;
  const auto next_unit = [offset](std::size_t at) {
    return at + static_cast<std::size_t>((kUnit - (offset + at) % kUnit) % kUnit);
  };
  for (std::size_t at = next_unit(0); at + length <= bytes.size();) {
    const ByteView run = bytes.subspan(at, length);
    const auto other =
        std::find_if(run.rbegin(), run.rend(), [](std::uint8_t byte) { return byte != 0; });
    if (other == run.rend()) return at;
    // A run can only begin behind the last byte that is not zero.
    at = next_unit(at + static_cast<std::size_t>(run.rend() - other));
  }
  return bytes.size();
}

}  // namespace coppice
