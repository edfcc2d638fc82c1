#pragma once
#include <algorithm>
#include <string_view>

#include "base/held_findings.h"
#include "repo/live_objects.h"

namespace coppice {

/// Holds findings back while it is not known whether what they are about was only deleted by a
/// collector in the meantime; opened, it hands on those, and all that come later. Used by one
/// thread.
class GatedFindings final : public FindingSink {
 public:
  explicit GatedFindings(FindingSink& next) : next_(next) {}

  void report(const Finding& finding) override {
    if (is_open_) return next_.report(finding);
    held_.report(finding);
  }
  void open() {
    is_open_ = true;
    held_.hand_over(next_);
  }

  /// True if one that is held may have come of what a collector does: it is about an object that
  /// was deleted, or about the log, of which old entries go.
  bool may_be_overtaken(const LiveObjects& objects) const {
    const auto& all = held_.all();
    return std::any_of(all.begin(), all.end(), [&](const Finding& finding) {
      if (finding.weight == Finding::Weight::note) return false;
      if (finding.item.starts_with("log/")) return true;
      std::string_view name = finding.item;
      name.remove_prefix(name.rfind('/') + 1);
      Id id;
      return from_hex(name.substr(0, name.find('.')), id.bytes) && objects.is_deleted(id);
    });
  }

 private:
  FindingSink& next_;
  HeldFindings held_;
  bool is_open_ = false;
};

}  // namespace coppice
