#include "repair/repair_plan.h"

#include "base/error.h"

namespace coppice {

void RepairPlan::carry_out(const RepairOptions& options, RepairResult& result,
                           FindingSink& findings) {
  if (options.on_plan) {
    for (const RepairStep& step : steps_) options.on_plan({step.item, step.action});
  }
  for (const PlannedRepair& each : lost_) {
    findings.report({Finding::Weight::damaged, "beyond_repair", each.item, each.action});
  }
  result.planned += steps_.size();
  result.lost += lost_.size();
  for (const RepairStep& step : steps_) run_step(step, options, result, findings);
}

void RepairPlan::run_step(const RepairStep& step, const RepairOptions& options,
                          RepairResult& result, FindingSink& findings) {
  if (options.stop != nullptr) options.stop->check();
  if (options.is_dry_run) {
    findings.report({Finding::Weight::healable, "healed", step.item, "would be healed"});
    ++result.healed;
    return;
  }
  try {
    result.bytes_written += step.run();
    findings.report({Finding::Weight::healable, "healed", step.item, "healed"});
    ++result.healed;
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    findings.report({Finding::Weight::damaged, "repair_failed", step.item, error.what()});
    ++result.lost;
  }
}

}  // namespace coppice
