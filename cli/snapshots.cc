#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "access.h"
#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "snapshot/listing.h"
#include "snapshot_choice.h"
#include "snapshot_json.h"
#include "values.h"

namespace coppice {
namespace {

using Listed = std::vector<const ListedSnapshot*>;

class SnapshotsCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("snapshots", "List snapshots, oldest first.");
    syntax_->alias("list");
    wishes_.declare(*syntax_);
    syntax_->value("--latest", "N", latest_, "only the newest N of each host and set of paths");
    syntax_->footer("Example:\n  coppice -r /mnt/disk/repo snapshots --host web1 --latest 3");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override;

 private:
  std::optional<Syntax> syntax_;
  SnapshotWishes wishes_;
  std::optional<std::string> latest_;
};

/// Keeps the newest `count` of each host and set of paths.
Listed newest_of_each(const Listed& all, std::uint64_t count) {
  Listed kept;
  for (auto newest = all.rbegin(); newest != all.rend(); ++newest) {
    const auto seen = std::count_if(kept.begin(), kept.end(), [&](const ListedSnapshot* other) {
      return other->record.host == (*newest)->record.host &&
             other->record.paths == (*newest)->record.paths;
    });
    if (static_cast<std::uint64_t>(seen) < count) kept.push_back(*newest);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ',';
    text += escape_for_display(name);
  }
  return text;
}

void print_table(Console& console, const Listed& snapshots) {
  std::size_t host_width = 4;
  std::size_t tags_width = 4;
  for (const ListedSnapshot* snapshot : snapshots) {
    host_width = std::max(host_width, escape_for_display(snapshot->record.host).size());
    tags_width = std::max(tags_width, joined(snapshot->tags).size());
  }
  console.print(fmt::format("{:8}  {:19}  {:{}}  {:{}}  {:>10}  {}", "ID", "Time", "Host",
                            host_width, "Tags", tags_width, "Size", "Paths"));
  for (const ListedSnapshot* snapshot : snapshots) {
    const SnapshotRecord& record = snapshot->record;
    console.print(fmt::format("{:8}  {:19}  {:{}}  {:{}}  {:>10}  {}", snapshot->id.short_hex(),
                              format_for_people(record.time, record.utc_offset_minutes),
                              escape_for_display(record.host), host_width, joined(snapshot->tags),
                              tags_width, format_size(record.summary.total_bytes_processed),
                              joined(record.paths)));
  }
  console.print(fmt::format("{} snapshot{}", snapshots.size(), snapshots.size() == 1 ? "" : "s"));
}

void SnapshotsCommand::run(const Invocation& invocation) {
  const SnapshotFilter filter = wishes_.filter();
  const std::uint64_t latest =
      latest_ ? parse_number("--latest", *latest_, 1, std::numeric_limits<std::uint64_t>::max())
              : std::numeric_limits<std::uint64_t>::max();
  const OpenedRepository opened = open_repository(invocation, Access::read);
  const Catalog catalog = list_snapshots(opened.repository->state(), invocation.console);
  Listed snapshots = catalog.select(filter);
  if (latest_) snapshots = newest_of_each(snapshots, latest);
  if (!invocation.options.json) return print_table(invocation.console, snapshots);
  Json document = Json::array();
  for (const ListedSnapshot* snapshot : snapshots) document.push_back(snapshot_json(*snapshot));
  invocation.console.print_json(document);
}

}  // namespace

std::unique_ptr<Command> make_snapshots_command() { return std::make_unique<SnapshotsCommand>(); }

}  // namespace coppice
