#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "retention/grouping.h"
#include "retention/policy.h"
#include "syntax.h"

namespace coppice {

/// --keep-… and --group-by of the command line.
struct RetentionWords {
  std::optional<std::string> last, within, group_by;
  std::array<std::optional<std::string>, kPeriods> newest_of, newest_within;
  std::vector<std::string> tags;

  void declare(Syntax& syntax);
  /// Throws Error{usage} for values that mean nothing.
  RetentionPolicy policy() const;
  Grouping grouping() const;
  /// True if any --keep-… was given.
  bool names_policy() const;
};

}  // namespace coppice
