#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "pack/block.h"
#include "repo/keyring.h"
#include "repo/session_record.h"
#include "task/guarded.h"

namespace coppice {

/// The class secrets of sessions, opened from their boxes when a block of theirs is first read.
/// Thread-safe.
class SessionSecrets {
 public:
  /// `find_boxes` gives the boxes of a session: more than one only if a forger claims it too, so
  /// each is tried. Called under a lock; throws Error{damaged} if neither log nor session records
  /// know the session.
  using FindBoxes = std::function<std::vector<SessionBox>(const Id& session)>;
  SessionSecrets(const Keyring& keyring, FindBoxes find_boxes)
      : keyring_(keyring), find_boxes_(std::move(find_boxes)) {}

  /// The secret that opens blocks of this session and class; it lives as long as this object.
  /// Throws Error{no_key} if this slot may not read the class, Error{damaged} if there is no box or
  /// it does not open.
  const Secret32& secret(const Id& session, ChunkClass chunk_class);
  const Keyring& keyring() const { return keyring_; }

  /// Calls `change` while nobody is opening boxes: for what changes the keys, or what `find_boxes`
  /// reads. It must not ask for a secret.
  template <typename Change>
  void exclusively(const Change& change) {
    opened_.with([&](auto&) { change(); });
  }

 private:
  Secret32 open(const Id& session, ChunkClass chunk_class) const;

  const Keyring& keyring_;
  FindBoxes find_boxes_;
  // unique_ptr: the secrets must stay where they are while the map grows.
  Guarded<std::map<std::pair<Id, ChunkClass>, std::unique_ptr<Secret32>>> opened_;
};

}  // namespace coppice
