#include "backup/source_count.h"

#include "backup/walk.h"

namespace coppice {

SourceCount::SourceCount(const BackupOptions& options, ThreadPool& pool)
    : stage_([this, &options, &pool] { count(options, pool); }, [] {}) {}

std::optional<SourceCount::Totals> SourceCount::totals() const {
  if (is_complete_.value() == 0) return std::nullopt;
  return Totals{files_.value(), bytes_.value()};
}

void SourceCount::count(const BackupOptions& options, ThreadPool& pool) {
  TaskGroup tasks(pool);
  ChangeRule rule;
  rule.clock = options.clock;
  rule.read_special = options.read_special;
  const auto take = [this](const WalkUnit& unit) {
    for (const WalkEvent& event : unit.events) {
      if (event.kind != WalkEvent::Kind::complete) continue;
      files_.add();
      if (event.node.meta.type == FileType::regular) bytes_.add(event.node.meta.size);
    }
    return is_stopped_.value() == 0;
  };
  Walk(options, rule, tasks, take).run();
  if (is_stopped_.value() == 0) is_complete_.add();
}

}  // namespace coppice
