#pragma once
#include <functional>
#include <string>
#include <vector>

#include "repair/repair.h"

namespace coppice {

/// What is to be done, in order. Later steps may need what earlier ones wrote.
struct RepairStep {
  std::string item;
  std::string action;
  /// Does it; returns how many bytes were written. Throws Error{damaged} if it turns out not to be
  /// possible.
  std::function<std::uint64_t()> run;
};

/// A repair's plan: gathered, told as a whole, then carried out. Used by one thread.
class RepairPlan {
 public:
  void add(std::string item, std::string action, std::function<std::uint64_t()> run) {
    steps_.push_back({std::move(item), std::move(action), std::move(run)});
  }
  /// What nobody can heal.
  void add_lost(std::string item, std::string why) {
    lost_.push_back({std::move(item), std::move(why)});
  }
  bool is_empty() const { return steps_.empty() && lost_.empty(); }

  /// Tells all, then does it unless it is a dry run. A step that fails is reported, and the others
  /// are done; Error{no_space}, {interrupted}, {refused} and {failed} end it.
  void carry_out(const RepairOptions& options, RepairResult& result, FindingSink& findings);

 private:
  void run_step(const RepairStep& step, const RepairOptions& options, RepairResult& result,
                FindingSink& findings);

  std::vector<RepairStep> steps_;
  std::vector<PlannedRepair> lost_;
};

}  // namespace coppice
