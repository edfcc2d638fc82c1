#pragma once
#include <atomic>

#include "base/error.h"

namespace coppice {

/// A wish to stop, set by a signal handler or a test and looked at by jobs between two items.
/// Lock-free, so safe in a handler.
class StopFlag {
 public:
  void request(int signal_number) { signal_.store(signal_number, std::memory_order_relaxed); }
  int signal_number() const { return signal_.load(std::memory_order_relaxed); }
  /// Throws Error{interrupted} if a stop was requested.
  void check() const {
    if (signal_number() != 0) throw Error(ErrorKind::interrupted, "stopped by a signal");
  }

 private:
  std::atomic<int> signal_{0};
};

}  // namespace coppice
