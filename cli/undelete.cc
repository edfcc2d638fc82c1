#include <fmt/format.h>

#include <algorithm>

#include "access.h"
#include "base/text.h"
#include "command.h"
#include "retention/forget.h"
#include "snapshot/listing.h"
#include "snapshot_json.h"

namespace coppice {
namespace {

using Chosen = std::vector<const ListedSnapshot*>;

class UndeleteCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("undelete",
                              "Bring back forgotten snapshots, as long as prune has not collected "
                              "them.");
    syntax_->operands("SNAPSHOT", names_, "bring these back; without any: list what can be");
    syntax_->flag("-n,--dry-run", is_dry_run_, "only tell what would be brought back");
    syntax_->footer("Example:\n  coppice -r /mnt/disk/repo undelete 3f2a9c41");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  std::optional<Syntax> syntax_;
  std::vector<std::string> names_;
  bool is_dry_run_ = false;
};

Catalog only_forgotten(const Catalog& all) {
  std::vector<ListedSnapshot> forgotten;
  for (const ListedSnapshot& snapshot : all.all()) {
    if (snapshot.is_forgotten) forgotten.push_back(snapshot);
  }
  return Catalog(std::move(forgotten));
}

/// What is named among the forgotten ones; one that is not forgotten needs nothing.
Chosen choose(const Invocation& invocation, const Catalog& all, const Catalog& forgotten,
              const std::vector<std::string>& names) {
  NameContext context;
  context.filter.with_forgotten = true;
  context.this_host = invocation.options.this_host();
  Chosen chosen;
  for (const std::string& name : names) {
    const ListedSnapshot& any = all.resolve(name, context);
    const ListedSnapshot* found = forgotten.find(any.id);
    if (found != nullptr) {
      if (std::find(chosen.begin(), chosen.end(), found) == chosen.end()) chosen.push_back(found);
    } else {
      invocation.console.note("not_forgotten",
                              "snapshot " + any.id.short_hex() + " is not forgotten");
    }
  }
  return chosen;
}

void print_snapshots(const Invocation& invocation, const Chosen& snapshots, const char* verb) {
  Console& console = invocation.console;
  for (const ListedSnapshot* snapshot : snapshots) {
    if (invocation.options.json) {
      Json json = snapshot_json(*snapshot);
      Json item = make_message("snapshot");
      item.update(json);
      console.print_json(item);
      continue;
    }
    const SnapshotRecord& record = snapshot->record;
    std::string paths;
    for (const std::string& path : record.paths) {
      paths += ' ';
      paths += escape_for_display(path);
    }
    if (invocation.options.quiet) continue;
    console.print(fmt::format("{}  {}  {}  {} {}", verb, snapshot->id.short_hex(),
                              format_for_people(record.time, record.utc_offset_minutes),
                              escape_for_display(record.host), paths));
  }
}

void UndeleteCommand::run(const Invocation& invocation) {
  const bool changes = !names_.empty() && !is_dry_run_;
  OpenedRepository opened = open_repository(invocation, changes ? Access::write : Access::read);
  const Catalog all = list_snapshots(opened.repository->state(), invocation.console);
  const Catalog forgotten = only_forgotten(all);
  SnapshotFilter everything;
  everything.with_forgotten = true;
  const Chosen chosen =
      names_.empty() ? forgotten.select(everything) : choose(invocation, all, forgotten, names_);
  std::vector<Id> ids;
  for (const ListedSnapshot* snapshot : chosen) ids.push_back(snapshot->id);
  if (changes && !ids.empty()) run_undelete(*opened.repository, ids);
  print_snapshots(invocation, chosen, changes ? "back  " : "can be brought back");
  if (invocation.options.json) {
    Json summary = make_message("summary");
    summary["dry_run"] = is_dry_run_;
    summary["snapshots_forgotten"] = forgotten.all().size() - (changes ? ids.size() : 0);
    summary["snapshots_brought_back"] = changes ? ids.size() : 0;
    return invocation.console.print_json(summary);
  }
  if (invocation.options.quiet) return;
  invocation.console.print(changes ? fmt::format("{} brought back", ids.size())
                                   : fmt::format("{} forgotten", forgotten.all().size()));
}

}  // namespace

std::unique_ptr<Command> make_undelete_command() { return std::make_unique<UndeleteCommand>(); }

}  // namespace coppice
