#include "retention/forget.h"

#include <fmt/format.h>

#include <algorithm>

#include "access.h"
#include "base/text.h"
#include "collecting.h"
#include "command.h"
#include "retention_words.h"
#include "snapshot/listing.h"
#include "snapshot_choice.h"
#include "snapshot_json.h"

namespace coppice {
namespace {

class ForgetCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("forget",
                              "Mark snapshots as no longer wanted, by name or by policy; prune "
                              "then frees their space.");
    syntax_->operands("SNAPSHOT", names_, "forget these; without any, all that no --keep-… wants");
    words_.declare(*syntax_);
    wishes_.declare(*syntax_);
    syntax_->flag("--allow-empty-group", may_empty_group_,
                  "even if of a host and set of paths no snapshot is left");
    syntax_->flag("--prune", prunes_, "then free their space, as `coppice prune` does");
    syntax_->flag("-n,--dry-run", is_dry_run_, "only tell what would be forgotten, and why not");
    syntax_->footer(
        "Example:\n  coppice -r /mnt/disk/repo forget --keep-daily 7 --keep-weekly 5 "
        "--keep-monthly 12 --dry-run");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  ForgetOptions make_options() const;
  PruneResult prune(const Invocation& invocation, const OpenedRepository& opened,
                    const ForgetPlan& plan) const;
  std::vector<Id> resolve_names(const Invocation& invocation, const LogState& state) const;

  std::optional<Syntax> syntax_;
  RetentionWords words_;
  SnapshotWishes wishes_;
  std::vector<std::string> names_;
  bool may_empty_group_ = false, prunes_ = false, is_dry_run_ = false;
};

ForgetOptions ForgetCommand::make_options() const {
  if (!names_.empty() && words_.names_policy()) {
    throw Error(ErrorKind::usage,
                "give either snapshots to forget or a policy (--keep-…), not both");
  }
  ForgetOptions options;
  options.filter = wishes_.filter();
  options.policy = words_.policy();
  if (names_.empty() && options.policy.is_empty()) {
    throw Error(ErrorKind::usage,
                "nothing says which snapshots are to stay: name snapshots to forget, or give a "
                "policy such as --keep-daily 7");
  }
  options.grouping = words_.grouping();
  options.may_empty_group = may_empty_group_;
  options.is_dry_run = is_dry_run_;
  options.now = system_clock().now();
  return options;
}

std::vector<Id> ForgetCommand::resolve_names(const Invocation& invocation,
                                             const LogState& state) const {
  const Catalog catalog = list_snapshots(state, invocation.console);
  std::vector<Id> ids;
  for (const std::string& name : names_) {
    ids.push_back(catalog.resolve(name, {wishes_.filter(), invocation.options.this_host()}).id);
  }
  return ids;
}

void print_group(Console& console, const JudgedGroup& judged, const ForgetOptions& options) {
  console.print(fmt::format("{}: keep {}, forget {}", describe(judged.group, options.grouping),
                            judged.kept(), judged.forgotten()));
  for (const Judgement& judgement : judged.judgements) {
    const ListedSnapshot& snapshot = *judgement.snapshot;
    std::string why;
    for (const std::string& reason : judgement.reasons) {
      why += (why.empty() ? "  " : ", ") + escape_for_display(reason);
    }
    console.print(fmt::format(
        "  {:6}  {}  {}{}", judgement.is_kept() ? "keep" : "forget", snapshot.id.short_hex(),
        format_for_people(snapshot.record.time, snapshot.record.utc_offset_minutes), why));
  }
}

/// With restic's keys.
Json group_json(const JudgedGroup& judged) {
  Json json = make_message("forget_group");
  json["slot"] = judged.group.slot.hex();
  set_name(json, "host", judged.group.host);
  set_names(json, "paths", judged.group.paths);
  set_names(json, "tags", judged.group.tags);
  Json keep = Json::array();
  Json remove = Json::array();
  Json reasons = Json::array();
  for (const Judgement& judgement : judged.judgements) {
    const Json snapshot = snapshot_json(*judgement.snapshot);
    (judgement.is_kept() ? keep : remove).push_back(snapshot);
    if (!judgement.is_kept()) continue;
    Json reason;
    reason["snapshot"] = snapshot;
    set_names(reason, "matches", judgement.reasons);
    reasons.push_back(std::move(reason));
  }
  json["keep"] = std::move(keep);
  json["remove"] = std::move(remove);
  json["reasons"] = std::move(reasons);
  return json;
}

void print_plan(Console& console, const ForgetPlan& plan, const ForgetOptions& options,
                bool is_json) {
  for (const JudgedGroup& group : plan.groups) {
    if (is_json) {
      console.print_json(group_json(group));
    } else if (!console.style().quiet) {
      print_group(console, group, options);
    }
  }
}

void print_summary(Console& console, const ForgetPlan& plan, const ForgetOptions& options,
                   bool is_pruned) {
  const std::size_t forgotten = plan.forgotten().size();
  std::string text =
      fmt::format("{}{} snapshot{} forgotten, {} kept", options.is_dry_run ? "would be: " : "",
                  forgotten, forgotten == 1 ? "" : "s", plan.kept());
  if (forgotten != 0 && !options.is_dry_run && !is_pruned) {
    text += "; `coppice prune` frees their space, until then `coppice undelete` brings them back";
  }
  console.print(text);
}

Json summary_json(const ForgetPlan& plan, const ForgetOptions& options) {
  Json summary = make_message("summary");
  summary["dry_run"] = options.is_dry_run;
  summary["groups"] = plan.groups.size();
  summary["snapshots_kept"] = plan.kept();
  summary["snapshots_forgotten"] = plan.forgotten().size();
  return summary;
}

PruneResult ForgetCommand::prune(const Invocation& invocation, const OpenedRepository& opened,
                                 const ForgetPlan& plan) const {
  PruneOptions options = make_prune_options(invocation, opened);
  options.is_dry_run = is_dry_run_;
  if (is_dry_run_) {
    for (const Id& id : plan.forgotten()) options.as_if_forgotten.insert(id);
  }
  return run_prune(*opened.repository, options, invocation.console);
}

void ForgetCommand::run(const Invocation& invocation) {
  ForgetOptions options = make_options();
  Console& console = invocation.console;
  OpenedRepository opened = open_repository(invocation, is_dry_run_ ? Access::read : Access::write);
  options.named = resolve_names(invocation, opened.repository->state());
  const PlannedForget done = run_forget(*opened.repository, options, console);
  print_plan(console, done.plan, options, invocation.options.json);
  if (!invocation.options.json && !invocation.options.quiet)
    print_summary(console, done.plan, options, prunes_);
  std::optional<PruneResult> pruned;
  if (prunes_) pruned = prune(invocation, opened, done.plan);
  if (invocation.options.json) {
    Json summary = summary_json(done.plan, options);
    summary["prune"] = nullptr;
    if (pruned) set_prune_result(summary["prune"] = Json::object(), *pruned, is_dry_run_);
    console.print_json(summary);
  } else if (pruned && !invocation.options.quiet) {
    print_prune_result(console, *pruned, is_dry_run_);
  }
}

}  // namespace

std::unique_ptr<Command> make_forget_command() { return std::make_unique<ForgetCommand>(); }

}  // namespace coppice
