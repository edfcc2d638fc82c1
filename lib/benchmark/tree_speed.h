#pragma once
#include <cstdint>
#include <string>

#include "benchmark/speed.h"

namespace coppice {

/// What looking through a tree of files costs when it is in the cache, as it is for most of a
/// nightly backup.
struct TreeSpeed {
  std::string path;
  std::uint64_t entries = 0;  ///< that were looked at
  Speed walk;                 ///< entries a second: names and statx
  Speed read;                 ///< files a second: opened, up to 16 KiB read, closed
};

/// Collects up to `max_entries` entries of a tree, for at most the meter's budget, then looks at
/// them again and again. Opens nothing but directories and regular files below `path`, follows no
/// symlinks, stays on the file system. Throws call_error if `path` cannot be listed, Error{failed}
/// if there is no file below it, Error{interrupted}.
TreeSpeed measure_tree(const SpeedMeter& meter, const std::string& path, std::uint64_t max_entries);

}  // namespace coppice
