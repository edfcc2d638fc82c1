#include "retention/policy.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace coppice {
namespace {

constexpr std::array<std::string_view, kPeriods> kPeriodWords = {"hourly", "daily", "weekly",
                                                                 "monthly", "yearly"};

/// Judges the snapshots of one group, newest first.
class Judge {
 public:
  Judge(const RetentionPolicy& policy, Timestamp now) : policy_(policy), now_(now) {}

  void set_reference(const ListedSnapshot& newest) {
    reference_ = std::min(newest.record.time, now_);
    utc_offset_minutes_ = newest.record.utc_offset_minutes;
  }
  void look(Judgement& judgement);

 private:
  /// One rule of the kind "newest of each period": which periods it has seen, and how many are
  /// left.
  struct PeriodRule {
    std::set<std::int64_t> seen;
    std::uint64_t kept = 0;
  };

  bool is_within(const ListedSnapshot& snapshot, const CalendarSpan& span) const;
  bool is_first_of_period(PeriodRule& rule, Period period, const ListedSnapshot& snapshot) const;
  void look_by_period(Judgement& judgement, std::size_t period);
  void look_by_tags(Judgement& judgement) const;

  const RetentionPolicy& policy_;
  const Timestamp now_;
  Timestamp reference_;
  int utc_offset_minutes_ = 0;
  std::uint64_t last_kept_ = 0;
  std::array<PeriodRule, kPeriods> newest_of_;
  std::array<PeriodRule, kPeriods> newest_within_;
};

bool Judge::is_within(const ListedSnapshot& snapshot, const CalendarSpan& span) const {
  const Timestamp from = counted_back(reference_, utc_offset_minutes_, span);
  return snapshot.record.time > from || snapshot.record.time == reference_;
}

bool Judge::is_first_of_period(PeriodRule& rule, Period period,
                               const ListedSnapshot& snapshot) const {
  const SnapshotRecord& record = snapshot.record;
  return rule.seen.insert(period_number(period, record.time, record.utc_offset_minutes)).second;
}

void Judge::look_by_period(Judgement& judgement, std::size_t at) {
  const ListedSnapshot& snapshot = *judgement.snapshot;
  const auto period = static_cast<Period>(at);
  const std::string word(kPeriodWords.at(at));
  PeriodRule& counted = newest_of_.at(at);
  if (counted.kept < policy_.newest_of.at(at) && is_first_of_period(counted, period, snapshot)) {
    ++counted.kept;
    judgement.reasons.push_back(word + " snapshot");
  }
  const auto& span = policy_.newest_within.at(at);
  if (span && is_within(snapshot, *span) &&
      is_first_of_period(newest_within_.at(at), period, snapshot)) {
    judgement.reasons.push_back(word + " within");
  }
}

void Judge::look_by_tags(Judgement& judgement) const {
  for (const std::vector<std::string>& wanted : policy_.tags) {
    SnapshotFilter filter;
    filter.tags = {wanted};
    filter.with_forgotten = true;
    if (!filter.is_match(*judgement.snapshot)) continue;
    std::string list;
    for (const std::string& tag : wanted) list += (list.empty() ? "" : ", ") + tag;
    judgement.reasons.push_back("tags [" + list + "]");
  }
}

void Judge::look(Judgement& judgement) {
  const ListedSnapshot& snapshot = *judgement.snapshot;
  if (snapshot.can_be_latest() && last_kept_ < policy_.last) {
    ++last_kept_;
    judgement.reasons.emplace_back("last snapshot");
  }
  for (std::size_t period = 0; period < kPeriods; ++period) look_by_period(judgement, period);
  if (policy_.within && is_within(snapshot, *policy_.within)) {
    judgement.reasons.emplace_back("within");
  }
  look_by_tags(judgement);
}

/// In which order they have a claim: those that tell their true time, the last received first; then
/// the others, the latest time first.
bool has_better_claim(const ListedSnapshot& a, const ListedSnapshot& b) {
  if (a.can_be_latest() != b.can_be_latest()) return a.can_be_latest();
  if (!a.can_be_latest() && a.record.time != b.record.time) return a.record.time > b.record.time;
  return a.number > b.number;
}

}  // namespace

bool RetentionPolicy::is_empty() const {
  return last == 0 &&
         std::all_of(newest_of.begin(), newest_of.end(), [](auto n) { return n == 0; }) &&
         !within &&
         std::none_of(newest_within.begin(), newest_within.end(),
                      [](const auto& span) { return span.has_value(); }) &&
         tags.empty();
}

std::vector<Judgement> judge(const RetentionPolicy& policy,
                             std::span<const ListedSnapshot* const> group, Timestamp now) {
  std::vector<Judgement> judgements;
  for (const ListedSnapshot* snapshot : group) judgements.push_back({snapshot, {}});
  std::vector<Judgement*> by_claim;
  for (Judgement& judgement : judgements) by_claim.push_back(&judgement);
  std::stable_sort(by_claim.begin(), by_claim.end(), [](const Judgement* a, const Judgement* b) {
    return has_better_claim(*a->snapshot, *b->snapshot);
  });
  Judge judge(policy, now);
  if (!by_claim.empty()) judge.set_reference(*by_claim.front()->snapshot);
  for (Judgement* judgement : by_claim) judge.look(*judgement);
  return judgements;
}

}  // namespace coppice
