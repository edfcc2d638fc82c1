#pragma once
#include "fs/users.h"
#include "restore/restore.h"

namespace coppice {

/// Turns recorded owners into those of this machine: by the map, else by name if that was asked for
/// and the name is known here, else by number. Not thread-safe: the planner owns it.
class OwnerRules {
 public:
  /// `options` must outlive this.
  explicit OwnerRules(const RestoreOptions& options) : options_(options) {}

  void apply(Node& node);

 private:
  const RestoreOptions& options_;
  UserNames names_;
};

}  // namespace coppice
