#pragma once
#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/stop.h"
#include "task/thread_pool.h"

namespace coppice {

/// How much is done in a second: bytes, or entries.
struct Speed {
  double one = 0;  ///< by one worker that has the machine to itself
  double all = 0;  ///< by all workers at once, together
};

/// What measuring works with.
struct SpeedMeter {
  ThreadPool& pool;
  std::uint64_t budget_ns = 0;  ///< for each of the two figures, about
  const StopFlag* stop = nullptr;
  const Clock* clock = &system_clock();
};

/// Does one piece of work and returns how much it was: bytes, or entries.
using Piece = std::function<std::uint64_t()>;

/// Repeats pieces, at least one a worker, until the time is over. `make` is called once for each
/// worker: what it returns is used by one thread at a time. Throws Error{interrupted} and whatever
/// the pieces throw. Must not be called from the pool.
Speed measure_speed(const SpeedMeter& meter, const std::function<Piece()>& make);

}  // namespace coppice
