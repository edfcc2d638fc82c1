#include "fs/holes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace coppice {

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

}  // namespace coppice
