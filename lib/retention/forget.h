#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/finding.h"
#include "repo/repository.h"
#include "retention/grouping.h"
#include "retention/policy.h"

/// Marking snapshots as forgotten, and taking the mark away (docs/design.md, section 6). Nothing is
/// deleted: that is for the collector (lib/prune) to do.
namespace coppice {

/// One group and what becomes of its snapshots.
struct JudgedGroup {
  SnapshotGroup group;
  std::vector<Judgement> judgements;  ///< in order of receipt, oldest first

  std::size_t kept() const;
  std::size_t forgotten() const { return judgements.size() - kept(); }
};

struct ForgetPlan {
  std::vector<JudgedGroup> groups;

  std::size_t kept() const;
  std::vector<Id> forgotten() const;
};

struct ForgetOptions {
  SnapshotFilter filter;  ///< which snapshots the policy is about
  RetentionPolicy policy;
  std::vector<Id> named;  ///< instead of a policy: forget these
  Grouping grouping;
  bool may_empty_group = false;
  bool is_dry_run = false;
  Timestamp now;
};

/// What would be forgotten. With `named`, the groups of these, and all others of the groups stay.
/// Throws Error{usage} for neither policy nor names, Error{refused} if a group would be left
/// without snapshots and that was not allowed.
ForgetPlan plan_forget(const Catalog& catalog, const ForgetOptions& options);

/// A plan with what it points into.
struct PlannedForget {
  std::unique_ptr<const Catalog> catalog;  ///< not null
  ForgetPlan plan;
};

/// Plans and appends one `forget` entry, unless there is nothing to forget or it is a dry run. What
/// another machine has appended meanwhile is part of the plan: two of them at once cannot empty a
/// group either. Throws as plan_forget and Log::append.
PlannedForget run_forget(Repository& repository, const ForgetOptions& options,
                         FindingSink& findings);

/// Takes the mark from these snapshots, which are forgotten as of now. Throws Error{failed} if one
/// of them was collected meanwhile: then none is brought back.
void run_undelete(Repository& repository, const std::vector<Id>& snapshots);

}  // namespace coppice
