#include "repo/session_beat.h"

#include <array>

#include "base/error.h"
#include "repo/object_names.h"

namespace coppice {

SessionBeat::SessionBeat(Store& store, const Id& session, std::chrono::milliseconds interval)
    : store_(store), session_(session) {
  beat();
  ticker_ = std::make_unique<Ticker>(interval, [this] { beat(); });
}

SessionBeat::~SessionBeat() {
  ticker_.reset();
  if (!latest_.empty()) try_remove(latest_);
}

/// The new marker comes before the old one goes, so that there always is one.
void SessionBeat::beat() {
  const std::string name = beat_name({session_, counter_});
  try {
    store_.put(name, {});
  } catch (const Error&) {  // advisory: the next one may succeed
    return;
  }
  ++counter_;
  if (!latest_.empty()) try_remove(latest_);
  latest_ = name;
}

void SessionBeat::try_remove(const std::string& name) {
  try {
    store_.remove(name);
  } catch (const Error&) {  // expected on targets that are append-only for us
  }
}

std::string beat_name(const BeatName& beat) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(beat.counter >> (24 - 8 * i));
  return session_name(beat.session) + "." + to_hex(bytes);
}

std::optional<BeatName> parse_beat_name(std::string_view object) {
  constexpr std::string_view kPrefix = "sessions/";
  constexpr std::size_t kIdDigits = 2 * Id::kSize;
  if (!object.starts_with(kPrefix)) return std::nullopt;
  object.remove_prefix(kPrefix.size());
  BeatName beat;
  std::array<std::uint8_t, 4> bytes{};
  const bool is_beat = object.size() == kIdDigits + 1 + 2 * bytes.size() &&
                       object[kIdDigits] == '.' &&
                       from_hex(object.substr(0, kIdDigits), beat.session.bytes) &&
                       from_hex(object.substr(kIdDigits + 1), bytes);
  if (!is_beat) return std::nullopt;
  for (const std::uint8_t byte : bytes) beat.counter = beat.counter << 8 | byte;
  return beat;
}

}  // namespace coppice
