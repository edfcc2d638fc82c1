#include "backup/part_sink.h"

#include <algorithm>

#include "base/error.h"

namespace coppice {
namespace {

/// An old version of more parts than this is hinted to as far as they go.
constexpr std::size_t kMaxOldParts = 65536;

}  // namespace

void PartSink::list_old_parts() {
  if (!old_ || source_ == nullptr) return;
  const Reference old = *std::exchange(old_, std::nullopt);
  if (old.levels == 0) {
    old_parts_.push_back(old.id);
    return;
  }
  try {
    walk_reference(*source_, old, [this](const Id& id, std::uint8_t level) {
      if (level == 0) old_parts_.push_back(id);
      return old_parts_.size() < kMaxOldParts;
    });
  } catch (const Error& error) {  // per item: without the old version parts are stored plain
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
  }
}

Id PartSink::put(ByteView encoded) {
  list_old_parts();
  std::vector<BaseHint> hints;
  if (!old_parts_.empty()) hints.push_back({old_parts_[std::min(next_, old_parts_.size() - 1)], 0});
  const Id id = put_(encoded, hints);
  // Parts that came or went shift the rest: go on after the one that both versions have.
  const auto same = std::find(old_parts_.begin(), old_parts_.end(), id);
  next_ = same == old_parts_.end() ? next_ + 1
                                   : static_cast<std::size_t>(same - old_parts_.begin()) + 1;
  return id;
}

}  // namespace coppice
