#include "prune/collector_log.h"

#include <utility>

#include "base/error.h"
#include "repo/reserve.h"

namespace coppice {

bool CollectorLog::try_append(const TryMake& make) {
  bool has_given_up = false;
  const auto make_entry = [&](const LogState& state) {
    std::optional<LogAppend> entry = make(state);
    has_given_up = !entry.has_value();
    if (!entry) throw Error(ErrorKind::failed, "the log has gone on");
    return std::move(*entry);
  };
  const auto append = [&] {
    try {
      repository_.append(make_entry);
    } catch (const Error&) {
      if (!has_given_up) throw;
    }
  };
  if (with_reserve(repository_.store(), findings_, append)) is_reserve_released_ = true;
  return !has_given_up;
}

}  // namespace coppice
