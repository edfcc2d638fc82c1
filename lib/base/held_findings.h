#pragma once
#include <vector>

#include "base/finding.h"

namespace coppice {

/// Holds findings back until it is known whether they count. Used by one thread.
class HeldFindings final : public FindingSink {
 public:
  void report(const Finding& finding) override { held_.push_back(finding); }
  bool is_empty() const { return held_.empty(); }
  const std::vector<Finding>& all() const { return held_; }
  void hand_over(FindingSink& sink) {
    for (const Finding& finding : held_) sink.report(finding);
    held_.clear();
  }

 private:
  std::vector<Finding> held_;
};

}  // namespace coppice
