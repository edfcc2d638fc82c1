#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "store/store.h"
#include "task/ticker.h"

/// How a session shows that it lives: it puts the empty objects `sessions/<id>.<8 hex digits>`,
/// counting up (docs/format.md, section 2). A collector waits for sessions whose counter moves.
/// Advisory: a session that is taken for dead by mistake stores anew what was deleted under it.
namespace coppice {

/// How often the counter moves.
inline constexpr std::chrono::milliseconds kBeatInterval{10'000};

/// The marker of one running session: there from the constructor on, so that a log that is read
/// afterwards shows all that collectors did who have not seen it. The destructor takes it away, if
/// the target lets it. Nothing that fails here fails the job.
class SessionBeat {
 public:
  SessionBeat(Store& store, const Id& session, std::chrono::milliseconds interval = kBeatInterval);
  ~SessionBeat();
  SessionBeat(const SessionBeat&) = delete;
  SessionBeat& operator=(const SessionBeat&) = delete;

  const Id& session() const { return session_; }

 private:
  void beat();
  void try_remove(const std::string& name);

  Store& store_;
  const Id session_;
  std::uint32_t counter_ = 0;
  std::string latest_;              // name of the marker that is there; empty: none
  std::unique_ptr<Ticker> ticker_;  // last: uses the rest
};

/// A marker's name taken apart.
struct BeatName {
  Id session;
  std::uint32_t counter = 0;
};
std::string beat_name(const BeatName& beat);
/// Nothing for other names.
std::optional<BeatName> parse_beat_name(std::string_view object);

}  // namespace coppice
