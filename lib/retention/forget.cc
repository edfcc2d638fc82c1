#include "retention/forget.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "repo/reserve.h"
#include "snapshot/listing.h"

namespace coppice {
namespace {

std::vector<JudgedGroup> judge_by_policy(const Catalog& catalog, const ForgetOptions& options) {
  std::vector<JudgedGroup> groups;
  for (SnapshotGroup& group : group_snapshots(catalog.select(options.filter), options.grouping)) {
    std::vector<Judgement> judgements = judge(options.policy, group.members, options.now);
    groups.push_back({std::move(group), std::move(judgements)});
  }
  return groups;
}

/// The groups in which named snapshots are, seen whole: what was not named stays.
std::vector<JudgedGroup> judge_by_name(const Catalog& catalog, const ForgetOptions& options) {
  const std::set<Id> named(options.named.begin(), options.named.end());
  std::vector<JudgedGroup> groups;
  for (SnapshotGroup& group : group_snapshots(catalog.select({}), options.grouping)) {
    std::vector<Judgement> judgements;
    for (const ListedSnapshot* snapshot : group.members) {
      judgements.push_back({snapshot, {}});
      if (!named.contains(snapshot->id)) judgements.back().reasons.emplace_back("not named");
    }
    JudgedGroup judged{std::move(group), std::move(judgements)};
    if (judged.forgotten() != 0) groups.push_back(std::move(judged));
  }
  return groups;
}

void expect_no_empty_group(const ForgetPlan& plan, const ForgetOptions& options) {
  std::string emptied;
  for (const JudgedGroup& judged : plan.groups) {
    if (judged.kept() != 0) continue;
    emptied += "\n  " + describe(judged.group, options.grouping) + ": all " +
               std::to_string(judged.forgotten());
  }
  if (emptied.empty()) return;
  throw Error(ErrorKind::refused,
              "no snapshot would be left of these, so nothing was forgotten; if that is meant, add "
              "--allow-empty-group:" +
                  emptied);
}

}  // namespace

std::size_t JudgedGroup::kept() const {
  return static_cast<std::size_t>(std::count_if(judgements.begin(), judgements.end(),
                                                [](const Judgement& j) { return j.is_kept(); }));
}

std::size_t ForgetPlan::kept() const {
  std::size_t total = 0;
  for (const JudgedGroup& group : groups) total += group.kept();
  return total;
}

std::vector<Id> ForgetPlan::forgotten() const {
  std::vector<Id> ids;
  for (const JudgedGroup& group : groups) {
    for (const Judgement& judgement : group.judgements) {
      if (!judgement.is_kept()) ids.push_back(judgement.snapshot->id);
    }
  }
  return ids;
}

ForgetPlan plan_forget(const Catalog& catalog, const ForgetOptions& options) {
  if (options.named.empty() && options.policy.is_empty()) {
    throw Error(ErrorKind::usage,
                "nothing says which snapshots are to stay: name snapshots to forget, or give a "
                "policy such as --keep-daily 7 (a policy that keeps nothing is refused)");
  }
  ForgetPlan plan;
  plan.groups =
      options.named.empty() ? judge_by_policy(catalog, options) : judge_by_name(catalog, options);
  if (!options.may_empty_group) expect_no_empty_group(plan, options);
  return plan;
}

PlannedForget run_forget(Repository& repository, const ForgetOptions& options,
                         FindingSink& findings) {
  PlannedForget planned;
  const auto plan_anew = [&](const LogState& state, FindingSink& sink) {
    planned.catalog = std::make_unique<Catalog>(list_snapshots(state, sink));
    planned.plan = plan_forget(*planned.catalog, options);
  };
  plan_anew(repository.state(), findings);
  if (options.is_dry_run || planned.plan.forgotten().empty()) return planned;
  std::uint64_t planned_at = repository.state().next_number;
  bool is_done_by_others = false;
  const auto append = [&] {
    repository.append([&](const LogState& state) {
      if (state.next_number != planned_at) plan_anew(state, findings);
      planned_at = state.next_number;
      const std::vector<Id> forgotten = planned.plan.forgotten();
      is_done_by_others = forgotten.empty();
      if (is_done_by_others) throw Error(ErrorKind::failed, "nothing is left to forget");
      return LogAppend{LogEntryType::forget, {}, {}, {}, encode_names(forgotten)};
    });
  };
  try {
    with_reserve(repository.store(), findings, append);
  } catch (const Error&) {
    if (!is_done_by_others) throw;
  }
  return planned;
}

void run_undelete(Repository& repository, const std::vector<Id>& snapshots) {
  repository.append([&](const LogState& state) {
    std::set<Id> left(snapshots.begin(), snapshots.end());
    for (const LoggedSnapshot& snapshot : state.snapshots) left.erase(snapshot.id);
    if (!left.empty()) {
      throw Error(ErrorKind::failed, "snapshot " + left.begin()->short_hex() +
                                         " was collected meanwhile and cannot be brought back; "
                                         "nothing was changed");
    }
    return LogAppend{LogEntryType::undelete, {}, {}, {}, encode_names(snapshots)};
  });
}

}  // namespace coppice
