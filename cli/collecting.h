#pragma once
#include <optional>
#include <string>

#include "access.h"
#include "command.h"
#include "json_text.h"
#include "prune/prune.h"

/// What `prune` and `forget --prune` share.
namespace coppice {

/// --max-unused and --max-repack of the command line.
struct PruneWords {
  std::optional<std::string> max_unused, max_repack;

  void declare(Syntax& syntax);
  /// Throws Error{usage} for values that mean nothing.
  PlanLimits limits() const;
};

/// Options as the global ones say.
PruneOptions make_prune_options(const Invocation& invocation, const OpenedRepository& opened);

/// The keys of the summary of `prune`.
void set_prune_result(Json& json, const PruneResult& result, bool is_dry_run);
/// For people.
void print_prune_result(Console& console, const PruneResult& result, bool is_dry_run);

}  // namespace coppice
