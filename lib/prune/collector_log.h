#pragma once
#include <functional>
#include <optional>

#include "base/finding.h"
#include "repo/repository.h"

namespace coppice {

/// The log as a collector appends to it: only as long as what it stands on is still true, and with
/// the reserve released where the target is full. Used by one thread.
class CollectorLog {
 public:
  CollectorLog(Repository& repository, FindingSink& findings)
      : repository_(repository), findings_(findings) {}

  /// Looks at the state that the entry will follow; nothing if it is not to be appended after all.
  using TryMake = std::function<std::optional<LogAppend>(const LogState&)>;
  /// False if `make` gave up. Throws as Log::append.
  bool try_append(const TryMake& make);

  bool is_reserve_released() const { return is_reserve_released_; }

 private:
  Repository& repository_;
  FindingSink& findings_;
  bool is_reserve_released_ = false;
};

}  // namespace coppice
