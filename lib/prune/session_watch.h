#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/stop.h"
#include "repo/session_beat.h"
#include "store/store.h"

namespace coppice {

/// A session whose counter stands still for so long is taken for dead: three beats.
inline constexpr std::chrono::milliseconds kSilence{30'000};

/// How a collector passes the time; tests bring their own.
struct WatchTime {
  const Clock* clock = &system_clock();
  std::function<void(std::chrono::milliseconds)> sleep;  ///< empty: really
};

/// Watches the sessions that show a marker now, by this machine's monotonic clock alone
/// (repo/session_beat.h). Those that begin later have read what the log says by now.
class SessionWatch {
 public:
  /// Lists the sessions; `own` is left out.
  SessionWatch(Store& store, const Id& own, WatchTime time, const StopFlag* stop);

  /// Waits until each of them has ended or is taken for dead; a living one is waited for no longer
  /// than `patience`. True if none lives any more.
  bool wait(std::chrono::milliseconds patience);

  /// Those that were there at the start and may still live.
  std::size_t left() const { return sessions_.size() - dead_.size(); }
  /// Markers of sessions that are taken for dead.
  const std::vector<std::string>& dead_markers() const { return dead_markers_; }

 private:
  struct Watched {
    std::set<std::uint32_t> counters;  ///< markers that are there
    std::uint64_t since_ns = 0;        ///< of the last change
    bool has_moved = false;
  };
  using Listed = std::map<Id, std::set<std::uint32_t>>;

  Listed list() const;
  void look();
  bool is_all_decided(bool is_patient) const;

  Store& store_;
  const Id own_;
  WatchTime time_;
  const StopFlag* stop_;
  std::map<Id, Watched> sessions_;
  std::set<Id> dead_;
  std::vector<std::string> dead_markers_;
};

}  // namespace coppice
