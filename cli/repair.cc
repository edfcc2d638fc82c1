#include "repair/repair.h"

#include <fmt/format.h>

#include <filesystem>

#include "access.h"
#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "credentials.h"
#include "progress.h"
#include "values.h"

namespace coppice {
namespace {

/// What opening the repository meets is what is about to be repaired: told, but no verdict.
class OpeningNotes final : public FindingSink {
 public:
  explicit OpeningNotes(Console& console) : console_(console) {}
  void report(const Finding& finding) override {
    Finding note = finding;
    note.weight = Finding::Weight::note;
    console_.report(note);
  }

 private:
  Console& console_;
};

class RepairCommand final : public Command {
 public:
  void declare(Syntax& program) override;
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  Access access() const { return is_dry_run_ ? Access::read : Access::write; }
  RepairResult run_packs(const Invocation& invocation, const RepairOptions& options,
                         ThreadPool& pool) const;
  RepairResult heal_files(const Invocation& invocation, const RepairOptions& options,
                          ThreadPool& pool) const;
  std::optional<OpenedRepository> open_healed(const Invocation& invocation,
                                              const RepairResult& result) const;
  bool refill(const Invocation& invocation, Repository& repository, const RepairOptions& options,
              RepairResult& result, ThreadPool& pool) const;
  RepairResult run_index(const Invocation& invocation, const RepairOptions& options) const;
  void print(const Invocation& invocation, const RepairResult& result, double seconds) const;

  std::optional<Syntax> syntax_, packs_, index_, snapshots_, log_;
  std::optional<std::string> from_;
  bool is_dry_run_ = false;
  std::vector<RepairedSnapshot> repaired_;
};

void RepairCommand::declare(Syntax& program) {
  syntax_ = program.command("repair", "Heal what is damaged. Plans first, drops nothing.");
  syntax_->require_command();
  const auto add = [this](const std::string& name, const std::string& help) {
    Syntax command = syntax_->command(name, help);
    command.flag("-n,--dry-run", is_dry_run_, "only tell what would be done");
    return command;
  };
  packs_ = add("packs",
               "Heal every file from its parity or second copy. Needs no key; with one, what is "
               "lost is marked, so that the next backup stores it anew.");
  packs_->value("--from", "REPO", from_,
                "take what is missing or beyond repair from a copy of this repository, or from "
                "another one of the family");
  packs_->footer("Example:\n  coppice -r /mnt/disk/repo repair packs --from /mnt/other/repo");
  index_ = add("index", "Make the index anew from the packs; drop the local cache.");
  index_->footer("Example:\n  coppice -r /mnt/disk/repo repair index");
  snapshots_ = add("snapshots",
                   "Make new snapshots without what is lost; the old ones stay. To be run after "
                   "`repair packs` and a backup.");
  snapshots_->footer("Example:\n  coppice -r /mnt/disk/repo repair snapshots --dry-run");
  log_ = add("log",
             "Declare log entries void that are lost or forged, so that forget and prune go on.");
  log_->footer("Example:\n  coppice -r /mnt/disk/repo repair log --dry-run");
  syntax_->footer(
      "The exit code is 0 if there was nothing to do, 14 if all was healed, 13 if something could "
      "not be.\n\nExample:\n  coppice -r /mnt/disk/repo repair packs --dry-run");
}

RepairResult RepairCommand::heal_files(const Invocation& invocation, const RepairOptions& options,
                                       ThreadPool& pool) const {
  const StateDirectory state = find_state_directory(invocation, Access::read);
  const auto store = open_store(invocation, repository_path(invocation), state, access());
  std::unique_ptr<LocalStore> other;
  if (from_) other = open_store(invocation, absolute_path(*from_), state, Access::read);
  const auto exported = read_header_export(invocation.options);
  RepairOptions with_export = options;
  with_export.header_export = exported.get();
  return repair_packs(*store, other.get(), pool, with_export, invocation.console);
}

/// Nothing if a dry run has left as it is what keeps the repository from being opened.
std::optional<OpenedRepository> RepairCommand::open_healed(const Invocation& invocation,
                                                           const RepairResult& result) const {
  OpeningNotes notes(invocation.console);
  try {
    return open_repository(invocation, access(), &notes);
  } catch (const Error& error) {
    const bool is_about_files = error.is_about_bytes() || error.kind() == ErrorKind::no_repository;
    if (!is_dry_run_ || result.healed == 0 || !is_about_files) throw;
    invocation.console.note(
        "not_opened",
        std::string("before this is healed the log cannot be looked into: ") + error.what());
    return std::nullopt;
  }
}

/// True if nothing that a snapshot needs is lost any more.
bool RepairCommand::refill(const Invocation& invocation, Repository& repository,
                           const RepairOptions& options, RepairResult& result,
                           ThreadPool& pool) const {
  OpeningNotes notes(invocation.console);
  const std::string path = absolute_path(*from_);
  const StateDirectory state = find_state_directory(invocation, Access::read);
  const auto store = open_store(invocation, path, state, Access::read);
  try {
    const auto other =
        Repository::open(*store, obtain_credential(invocation, "of " + path), {}, notes);
    return refill_from(repository, *other, pool, options, result, invocation.console);
  } catch (const Error& error) {  // whole packs were looked for already; this is beyond that
    if (error.kind() != ErrorKind::no_key && !error.is_about_bytes()) throw;
    invocation.console.note("not_refilled", "nothing was taken from within " +
                                                escape_for_display(path) + ": " + error.what());
    return false;
  }
}

RepairResult RepairCommand::run_packs(const Invocation& invocation, const RepairOptions& options,
                                      ThreadPool& pool) const {
  RepairResult result = heal_files(invocation, options, pool);
  bool is_refilled = false;
  if (has_unattended_credential(invocation)) {
    if (const auto opened = open_healed(invocation, result)) {
      mark_lost_packs(*opened->repository, options, result, invocation.console);
      if (from_ && !result.lost_packs.empty())
        is_refilled = refill(invocation, *opened->repository, options, result, pool);
    }
  } else if (!result.lost_packs.empty()) {
    invocation.console.note("not_marked",
                            "without a key the log cannot be told what is lost: run `coppice "
                            "repair packs` with one, then a backup, which stores anew what the "
                            "live files still have");
  }
  report_lost_packs(result, is_refilled, invocation.console);
  return result;
}

RepairResult RepairCommand::run_index(const Invocation& invocation,
                                      const RepairOptions& options) const {
  OpenedRepository opened = open_repository(invocation, access());
  RepairResult result = repair_index(*opened.repository, options, invocation.console);
  if (!is_dry_run_ && !opened.index_cache_directory.empty()) {
    std::error_code ignored;  // it is a cache: what stays is checked when it is read
    std::filesystem::remove_all(opened.index_cache_directory, ignored);
    invocation.console.detail("dropped the local cache " +
                              escape_for_display(opened.index_cache_directory));
  }
  return result;
}

void RepairCommand::print(const Invocation& invocation, const RepairResult& result,
                          double seconds) const {
  Console& console = invocation.console;
  if (invocation.options.json) {
    Json summary = make_message("summary");
    summary["dry_run"] = is_dry_run_;
    summary["planned"] = result.planned;
    summary["healed"] = result.healed;
    summary["lost"] = result.lost;
    summary["bytes_written"] = result.bytes_written;
    Json snapshots = Json::array();
    for (const RepairedSnapshot& each : repaired_) {
      Json item;
      item["old_id"] = each.old_id.hex();
      item["new_id"] = each.new_id.hex();
      snapshots.push_back(std::move(item));
    }
    summary["snapshots"] = std::move(snapshots);
    summary["error_count"] = console.finding_count();
    summary["total_duration"] = seconds;
    return console.print_json(summary);
  }
  if (invocation.options.quiet) return;
  for (const RepairedSnapshot& each : repaired_) {
    console.print("snapshot " + each.old_id.short_hex() + " was repaired as " +
                  each.new_id.short_hex());
  }
  if (result.planned == 0 && result.lost == 0) return console.print("nothing to repair");
  console.print(fmt::format("{}{} of {} healed, {} lost; wrote {}",
                            is_dry_run_ ? "dry run, nothing was changed: " : "", result.healed,
                            result.planned, result.lost, format_size(result.bytes_written)));
}

void RepairCommand::run(const Invocation& invocation) {
  Console& console = invocation.console;
  ProgressDisplay meter(console);
  RepairOptions options;
  options.is_dry_run = is_dry_run_;
  options.stop = &invocation.stop;
  options.on_plan = [&](const PlannedRepair& planned) {
    if (invocation.options.json) {
      Json line = make_message("verbose_status");
      line["action"] = "plan";
      set_name(line, "item", planned.item);
      line["message"] = planned.action;
      return console.print_json(line);
    }
    if (invocation.options.quiet) return;
    console.print("plan: " + escape_for_display(planned.item) + ": " +
                  escape_for_display(planned.action));
  };
  options.on_progress = [&](const RepairProgress& progress) {
    ProgressState state{"checked", "objects"};
    state.files_done = progress.objects_done;
    state.files_total = progress.objects_total;
    state.bytes_done = progress.bytes_done;
    state.bytes_total = progress.bytes_total;
    state.error_count = console.finding_count();
    state.current = progress.current;
    meter.show(state);
  };
  ThreadPool pool(default_worker_count());
  RepairResult result;
  if (packs_->is_chosen()) {
    result = run_packs(invocation, options, pool);
  } else if (index_->is_chosen()) {
    result = run_index(invocation, options);
  } else {
    OpeningNotes notes(console);
    OpenedRepository opened =
        open_repository(invocation, access(), log_->is_chosen() ? &notes : nullptr);
    result = log_->is_chosen() ? repair_log(*opened.repository, options, console)
                               : repair_snapshots(*opened.repository, pool, options, kProgram,
                                                  repaired_, console);
  }
  print(invocation, result, meter.seconds_elapsed());
}

}  // namespace

std::unique_ptr<Command> make_repair_command() { return std::make_unique<RepairCommand>(); }

}  // namespace coppice
