#include "backup/backup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "access.h"
#include "backup/source_count.h"
#include "backup_words.h"
#include "base/text.h"
#include "base/units.h"
#include "child_process.h"
#include "command.h"
#include "fs/users.h"
#include "progress.h"
#include "signals.h"
#include "snapshot/listing.h"
#include "snapshot_choice.h"
#include "snapshot_json.h"

namespace coppice {
namespace {

class BackupCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("backup", "Make a snapshot.");
    words_.declare(*syntax_);
    syntax_->footer(
        "Example:\n  coppice -r /mnt/disk/repo backup /home /etc --exclude-caches -e '*.tmp'\n"
        "  coppice backup --stdin-filename db.sql --stdin-from-command -- pg_dumpall");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  std::optional<ListedSnapshot> find_parent(const Invocation& invocation, const Catalog& catalog,
                                            const BackupOptions& options) const;

  std::optional<Syntax> syntax_;
  BackupWords words_;
};

std::string user_name() {
  UserNames names;
  const std::string& name = names.user_name(geteuid());
  return name.empty() ? std::to_string(geteuid()) : name;
}

/// What a snapshot made with these options will say it backed up.
std::vector<std::string> recorded_paths(const BackupOptions& options) {
  std::vector<std::string> paths;
  for (const BackupSource& source : options.sources) paths.push_back(source.recorded_path);
  if (options.stream) paths.push_back(options.stream->recorded_path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::optional<ListedSnapshot> BackupCommand::find_parent(const Invocation& invocation,
                                                         const Catalog& catalog,
                                                         const BackupOptions& options) const {
  if (words_.force) return std::nullopt;
  if (words_.parent) {
    NameContext context;
    context.this_host = invocation.options.this_host();
    return catalog.resolve(*words_.parent, context);
  }
  SnapshotFilter filter;
  filter.hosts = {options.host};
  const std::vector<std::string> paths = recorded_paths(options);
  const auto candidates = catalog.select(filter);
  const auto newest =
      std::find_if(candidates.rbegin(), candidates.rend(),
                   [&](const ListedSnapshot* other) { return other->record.paths == paths; });
  if (newest == candidates.rend()) return std::nullopt;
  return **newest;
}

void warn_if_smaller(Console& console, const SnapshotSummary& now, const ListedSnapshot& parent) {
  const SnapshotSummary& before = parent.record.summary;
  const bool has_fewer_files = now.total_files_processed < before.total_files_processed / 2;
  const bool has_fewer_bytes = now.total_bytes_processed < before.total_bytes_processed / 2;
  if (!has_fewer_files && !has_fewer_bytes) return;
  console.note("sharply_smaller",
               fmt::format("the snapshot is much smaller than its parent {}: {} files, {} instead "
                           "of {} files, {}. Is everything mounted?",
                           parent.id.short_hex(), now.total_files_processed,
                           format_size(now.total_bytes_processed), before.total_files_processed,
                           format_size(before.total_bytes_processed)));
}

void print_json(Console& console, const BackupResult& result, bool is_dry_run) {
  Json summary = make_message("summary");
  summary["dry_run"] = is_dry_run;
  set_summary(summary, result.summary);
  const Timestamp start = result.record.time;
  summary["backup_start"] = format_rfc3339(start, result.record.utc_offset_minutes);
  summary["backup_end"] = json_time(system_clock().now());
  summary["snapshot_id"] = result.snapshot_id ? Json(result.snapshot_id->hex()) : Json(nullptr);
  console.print_json(summary);
}

void print_text(Console& console, const BackupResult& result) {
  const SnapshotSummary& s = result.summary;
  console.print(fmt::format("Files: {} new, {} changed, {} unmodified", s.files_new,
                            s.files_changed, s.files_unmodified));
  console.print(fmt::format("Dirs:  {} new, {} changed, {} unmodified", s.dirs_new, s.dirs_changed,
                            s.dirs_unmodified));
  console.print(fmt::format("Added: {} ({} stored)", format_size(s.data_added),
                            format_size(s.data_added_packed)));
  console.print(fmt::format("processed {} files, {} in {}:{:02}", s.total_files_processed,
                            format_size(s.total_bytes_processed), s.duration_ms / 60000,
                            s.duration_ms / 1000 % 60));
  console.print(result.snapshot_id ? "snapshot " + result.snapshot_id->short_hex() + " saved"
                                   : "dry run: no snapshot was made");
}

void BackupCommand::run(const Invocation& invocation) {
  BackupOptions options = words_.make_options();
  Console& console = invocation.console;
  options.host = words_.host.value_or(invocation.options.this_host());
  options.user = user_name();
  options.program_version = kProgram;
  options.stop = &invocation.stop;
  if (words_.is_stream()) {
    options.stream =
        StreamSource{STDIN_FILENO, words_.stream_path(), [&] { invocation.stop.check(); }};
  }
  check_names(options);
  OpenedRepository opened =
      open_repository(invocation, words_.is_dry_run ? Access::read : Access::write);
  std::optional<ChildProcess> producer;
  options.index_cache_directory = opened.index_cache_directory;
  const Catalog catalog = list_snapshots(opened.repository->state(), console);
  const auto parent = find_parent(invocation, catalog, options);
  if (parent) options.parent_id = parent->id;
  if (parent && can_read_trees(*opened.repository)) options.parent_root = parent->record.root;
  if (words_.from_command) {
    producer.emplace(words_.paths);
    options.stream->fd = producer->output();
    options.stream->confirm = [&] { producer->expect_success(invocation.stop); };
  }
  if (options.stream) end_input_on_stop(options.stream->fd);
  ThreadPool pool(default_worker_count());
  std::optional<SourceCount> count;  // a first backup has nothing else to compare itself with
  if (console.style().shows_progress && !parent && !options.stream) count.emplace(options, pool);
  ProgressDisplay meter(console);
  options.on_progress = [&](const BackupProgress& progress) {
    ProgressState state{"backed up"};
    state.files_done = progress.files_done;
    state.bytes_done = progress.bytes_done;
    if (parent) {
      state.files_total = parent->record.summary.total_files_processed;
      state.bytes_total = parent->record.summary.total_bytes_processed;
    } else if (const auto totals = count ? count->totals() : std::nullopt) {
      state.files_total = totals->files;
      state.bytes_total = totals->bytes;
    }
    state.error_count = progress.error_count;
    state.current = progress.current_path;
    meter.show(state);
  };
  const BackupResult result = run_backup(*opened.repository, pool, options, console);
  if (!result.makes_deltas) {
    console.detail(
        "this slot may not read what it stored: changed files are stored anew, not as "
        "changes");
  }
  if (parent) warn_if_smaller(console, result.summary, *parent);
  if (invocation.options.json) return print_json(console, result, words_.is_dry_run);
  if (!invocation.options.quiet) print_text(console, result);
}

}  // namespace

std::unique_ptr<Command> make_backup_command() { return std::make_unique<BackupCommand>(); }

}  // namespace coppice
