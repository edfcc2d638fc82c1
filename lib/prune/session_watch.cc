#include "prune/session_watch.h"

#include <algorithm>
#include <thread>

namespace coppice {
namespace {

constexpr std::chrono::milliseconds kLookInterval{1'000};

std::uint64_t nanoseconds(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(time.count()) * 1'000'000;
}

}  // namespace

SessionWatch::SessionWatch(Store& store, const Id& own, WatchTime time, const StopFlag* stop)
    : store_(store), own_(own), time_(std::move(time)), stop_(stop) {
  if (!time_.sleep) {
    time_.sleep = [](std::chrono::milliseconds duration) { std::this_thread::sleep_for(duration); };
  }
  const std::uint64_t now = time_.clock->monotonic_ns();
  for (auto& [session, counters] : list()) sessions_[session] = {counters, now, false};
}

SessionWatch::Listed SessionWatch::list() const {
  Listed listed;
  for (const ObjectInfo& object : store_.list("sessions/")) {
    const auto beat = parse_beat_name(object.name);
    if (beat && beat->session != own_) listed[beat->session].insert(beat->counter);
  }
  return listed;
}

void SessionWatch::look() {
  const Listed listed = list();
  const std::uint64_t now = time_.clock->monotonic_ns();
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto found = listed.find(at->first);
    if (found == listed.end()) {
      dead_.erase(at->first);
      at = sessions_.erase(at);  // it has ended
      continue;
    }
    Watched& watched = at->second;
    if (found->second != watched.counters) {
      watched = {found->second, now, true};
      dead_.erase(at->first);
    } else if (now - watched.since_ns >= nanoseconds(kSilence)) {
      dead_.insert(at->first);
    }
    ++at;
  }
}

/// While there is patience, a session must have ended or be silent; without, it may have moved.
bool SessionWatch::is_all_decided(bool is_patient) const {
  return std::all_of(sessions_.begin(), sessions_.end(), [&](const auto& session) {
    return dead_.contains(session.first) || (!is_patient && session.second.has_moved);
  });
}

bool SessionWatch::wait(std::chrono::milliseconds patience) {
  const std::uint64_t start = time_.clock->monotonic_ns();
  const auto is_patient = [&] {
    return time_.clock->monotonic_ns() - start < nanoseconds(patience);
  };
  while (!is_all_decided(is_patient())) {
    if (stop_ != nullptr) stop_->check();
    time_.sleep(kLookInterval);
    look();
  }
  for (const Id& session : dead_) {
    for (const std::uint32_t counter : sessions_.at(session).counters)
      dead_markers_.push_back(beat_name({session, counter}));
  }
  return left() == 0;
}

}  // namespace coppice
