#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retention/calendar.h"
#include "snapshot/catalog.h"

/// Which snapshots of a group stay (docs/cli.md, `forget`). Decides only; appends nothing.
namespace coppice {

inline constexpr std::uint64_t kKeepAll = std::numeric_limits<std::uint64_t>::max();

/// A snapshot stays if any of these wants it.
struct RetentionPolicy {
  std::uint64_t last = 0;                           ///< the newest so many
  std::array<std::uint64_t, kPeriods> newest_of{};  ///< the newest of each of so many periods
  std::optional<CalendarSpan> within;               ///< all that are not older
  std::array<std::optional<CalendarSpan>, kPeriods> newest_within{};  ///< of these, of each period
  /// All with all the tags of one of these lists; a list of one empty text wants those without
  /// tags.
  std::vector<std::vector<std::string>> tags;

  /// True if it wants nothing.
  bool is_empty() const;
};

/// What becomes of one snapshot.
struct Judgement {
  const ListedSnapshot* snapshot = nullptr;
  std::vector<std::string> reasons;  ///< why it stays, as restic words it: "daily snapshot"

  bool is_kept() const { return !reasons.empty(); }
};

/// Judges the snapshots of one group, given in order of receipt, oldest first; the answer has the
/// same order.
///
/// The newest is who came last into the log, whatever times the snapshots tell: so whoever writes a
/// false time pushes nothing out. Snapshots whose time was given by hand or that were imported are
/// not counted by `last`, and in the other rules come after all others, by the time they tell: they
/// fill what is left. "Now" for `within` is the time of the newest snapshot, or `now` if that lies
/// in the future.
std::vector<Judgement> judge(const RetentionPolicy& policy,
                             std::span<const ListedSnapshot* const> group, Timestamp now);

}  // namespace coppice
