#include "restore/restore.h"

#include <fmt/format.h>

#include "access.h"
#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "fs/write_file.h"
#include "owner_map.h"
#include "progress.h"
#include "restore_choice.h"
#include "snapshot_choice.h"
#include "values.h"

namespace coppice {
namespace {

class RestoreCommand final : public Command {
 public:
  void declare(Syntax& program) override;
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  RestoreOptions make_options() const;

  std::optional<Syntax> syntax_;
  std::string snapshot_;
  SnapshotWishes wishes_;
  std::optional<std::string> target_, overwrite_, owner_map_;
  std::vector<std::string> includes_, excludes_;
  bool delete_ = false, is_dry_run_ = false, verify_ = false;
  bool no_owner_ = false, owner_by_name_ = false, no_space_check_ = false;
};

void RestoreCommand::declare(Syntax& program) {
  syntax_ = program.command("restore", "Restore a snapshot, or a part of it.");
  syntax_->required_operand("SNAPSHOT[:PATH]", snapshot_,
                            "id, latest or latest~N; of a directory PATH the contents, of a file "
                            "the file itself go into DIR; without PATH whole paths below DIR");
  syntax_->value("-t,--target", "DIR", target_, "where to (required); / is the live system");
  syntax_->values("-i,--include", "PATTERN", includes_, "only what matches");
  syntax_->values("-e,--exclude", "PATTERN", excludes_, "not what matches");
  syntax_->value(
      "--overwrite", "WHEN", overwrite_,
      "if-changed, always or never: what becomes of existing files (default if-changed)");
  syntax_->flag("--delete", delete_,
                "remove what the snapshot does not have from directories that were backed up");
  syntax_->flag("--dry-run", is_dry_run_, "only tell what would be done");
  syntax_->flag("--verify", verify_, "read all back from disk and compare");
  syntax_->flag("--no-owner", no_owner_,
                "leave owners alone; what else only root may restore is a note, not an error");
  syntax_->flag("--owner-by-name", owner_by_name_, "go by the names of users and groups");
  syntax_->value(
      "--owner-map", "FILE", owner_map_,
      "lines \"user OLD NEW\" and \"group OLD NEW\": other owners for the recorded ones");
  syntax_->flag("--no-space-check", no_space_check_, "try even if it does not seem to fit");
  wishes_.declare(*syntax_);
  syntax_->footer(
      "Example:\n  coppice -r /mnt/disk/repo restore latest:/home/ann -t /tmp/ann\n"
      "  coppice -r /mnt/disk/repo restore latest -t / -i /etc --verify");
}

RestoreOptions RestoreCommand::make_options() const {
  RestoreOptions options;
  if (!target_) throw Error(ErrorKind::usage, "restore needs --target DIR");
  options.target = absolute_path(*target_);
  const std::optional<std::string> path = split_snapshot_path(snapshot_).path;
  if (options.target == "/" && delete_ && includes_.empty() && (!path || *path == "/")) {
    throw Error(ErrorKind::usage,
                "--delete below / asks for --include or a path: restore SNAPSHOT:/dir -t /dir "
                "--delete, or restore SNAPSHOT -t / -i /dir --delete");
  }
  options.select = make_restore_choice(includes_, excludes_);
  const std::string when = overwrite_.value_or("if-changed");
  if (when != "if-changed" && when != "always" && when != "never") {
    throw Error(ErrorKind::usage, "--overwrite: \"" + escape_for_display(when) +
                                      "\" is none of if-changed, always, never");
  }
  options.overwrite = when == "always"  ? Overwrite::always
                      : when == "never" ? Overwrite::never
                                        : Overwrite::if_changed;
  options.delete_extra = delete_;
  options.dry_run = is_dry_run_;
  options.verify = verify_;
  options.no_owner = no_owner_;
  options.owner_by_name = owner_by_name_;
  options.no_space_check = no_space_check_;
  if (no_owner_ && (owner_by_name_ || owner_map_)) {
    throw Error(ErrorKind::usage, "--no-owner does not go with --owner-by-name or --owner-map");
  }
  if (owner_map_) {
    OwnerMap map = parse_owner_map(as_text(read_small_file(*owner_map_, kMiB)));
    options.user_map = std::move(map.users);
    options.group_map = std::move(map.groups);
  }
  return options;
}

void print_json(Console& console, const RestoreResult& result, const ProgressDisplay& meter,
                const ListedSnapshot& snapshot, bool is_dry_run) {
  Json summary = make_message("summary");
  summary["dry_run"] = is_dry_run;
  summary["snapshot_id"] = snapshot.id.hex();
  summary["seconds_elapsed"] = static_cast<std::uint64_t>(meter.seconds_elapsed());
  summary["total_duration"] = meter.seconds_elapsed();
  summary["total_files"] = result.total_files;
  summary["files_restored"] = result.files_restored;
  summary["files_unchanged"] = result.files_unchanged;
  summary["files_skipped"] = result.files_skipped;
  summary["files_deleted"] = result.files_deleted;
  summary["dirs_restored"] = result.dirs_restored;
  summary["total_bytes"] = result.total_bytes;
  summary["bytes_restored"] = result.bytes_restored;
  summary["error_count"] = result.error_count;
  console.print_json(summary);
}

void print_text(Console& console, const RestoreResult& result, const RestoreOptions& options,
                const ListedSnapshot& snapshot) {
  console.print(fmt::format("{}: {} files restored, {} unchanged, {} skipped, {} deleted; {}",
                            options.dry_run ? "dry run, nothing was changed"
                                            : "snapshot " + snapshot.id.short_hex() + " to " +
                                                  escape_for_display(options.target),
                            result.files_restored, result.files_unchanged, result.files_skipped,
                            result.files_deleted, format_size(result.bytes_restored)));
}

void RestoreCommand::run(const Invocation& invocation) {
  RestoreOptions options = make_options();
  Console& console = invocation.console;
  OpenedRepository opened = open_repository(invocation, Access::read);
  const ChosenSnapshot chosen = choose_snapshot(invocation, opened, snapshot_, wishes_);
  options.sub_path = chosen.path.value_or("");
  options.backed_up_paths = chosen.snapshot.record.paths;
  options.index_cache_directory = opened.index_cache_directory;
  options.stop = &invocation.stop;
  ProgressDisplay meter(console);
  options.on_progress = [&](const RestoreProgress& progress) {
    ProgressState state{"restored"};
    state.files_done = progress.files_done;
    state.files_total = progress.files_total;
    state.bytes_done = progress.bytes_done;
    state.bytes_total = progress.bytes_total;
    state.error_count = console.finding_count();
    state.current = progress.current_path;
    meter.show(state);
  };
  ThreadPool pool(default_worker_count());
  const RestoreResult result =
      restore_snapshot(*opened.repository, pool, chosen.snapshot.record.root, options, console);
  if (result.total_files == 0 && !includes_.empty()) {
    console.note("nothing_matched", "no file in snapshot " + chosen.snapshot.id.short_hex() +
                                        " matches --include; `coppice ls` shows what it has");
  }
  if (invocation.options.json) {
    return print_json(console, result, meter, chosen.snapshot, is_dry_run_);
  }
  if (!invocation.options.quiet) print_text(console, result, options, chosen.snapshot);
}

}  // namespace

std::unique_ptr<Command> make_restore_command() { return std::make_unique<RestoreCommand>(); }

}  // namespace coppice
