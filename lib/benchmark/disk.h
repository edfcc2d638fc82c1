#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/stop.h"

namespace coppice {

/// What a disk does with one long file, and with a small one.
struct DiskSpeed {
  std::string path;                ///< the directory
  std::uint64_t bytes = 0;         ///< written and read
  double write = 0;                ///< bytes a second, all of them on the disk (fsync)
  double read = 0;                 ///< bytes a second, after the cache was asked to forget them
  double seconds_to_sync_one = 0;  ///< 4 KiB: what each small file costs that must be durable
};

struct DiskOptions {
  std::string directory;
  std::uint64_t max_bytes = 0;  ///< at most; and never more than half of what is free
  std::uint64_t budget_ns = 0;  ///< for writing, about
  const StopFlag* stop = nullptr;
  const Clock* clock = &system_clock();
};

/// Writes a file that has no name, so that nothing is left behind however this ends. Throws
/// call_error if the directory does not let us, Error{no_space} if it is (nearly) full,
/// Error{interrupted}.
DiskSpeed measure_disk(const DiskOptions& options);

}  // namespace coppice
