#include "restore/restore.h"

#include <algorithm>

#include "fs/write_file.h"
#include "repo/chunk_reader.h"
#include "restore/executor.h"
#include "restore/planner.h"
#include "restore/preflight.h"
#include "snapshot/stored_metadata.h"
#include "task/bounded_queue.h"
#include "task/stage.h"

namespace coppice {
namespace {

/// Raw metadata blocks that are kept for walking trees.
/// Of the files that this process may open, so many for directories and for files being written;
/// the rest is the store's.
constexpr std::uint64_t kMaxOpenDirectories = 1024;
constexpr std::uint64_t kMaxOpenFiles = 512;

/// Keys are proved before the first byte.
void expect_readable(const Keyring& keyring, std::uint64_t epoch) {
  if (keyring.class_key(epoch, ChunkClass::data) != nullptr) return;
  throw Error(ErrorKind::no_key, "a slot of role " + std::string(role_word(keyring.role())) +
                                     " cannot read file contents; use a reader's or owner's key");
}

/// Plans in this thread while a stage restores what was planned.
void run_pipeline(RestoreContext& context, const WantedTree& wanted, const OpenedTarget& target) {
  BoundedQueue<PlannedWindow> windows(1);
  Stage executor(
      [&] {
        while (auto window = windows.pop()) {
          restore_window(context, *window);
          window.reset();
          context.windows_done.with([](std::uint64_t& done) { ++done; });
        }
      },
      [&] { windows.close(); });
  struct Closing {
    BoundedQueue<PlannedWindow>& queue;
    ~Closing() { queue.close(); }
  };
  const Closing closing{windows};  // if planning throws, the stage must end too
  RestorePlanner planner(context, target, [&](PlannedWindow window) {
    if (!windows.push(std::move(window))) executor.join();
  });
  walk_wanted(wanted, planner, context.findings);
  planner.finish();
  windows.close();
  executor.join();
}

RestoreResult make_result(const RestoreContext& context, const RestoreNeeds& needs) {
  const RestoreCounters& counters = context.counters;
  RestoreResult result;
  result.files_restored = counters.files_restored.value();
  result.files_unchanged = counters.files_unchanged.value();
  result.files_skipped = counters.files_skipped.value();
  result.dirs_restored = counters.dirs_restored.value();
  result.files_deleted = counters.files_deleted.value();
  result.bytes_restored = counters.bytes_restored.value();
  result.total_files = needs.files;
  result.total_bytes = needs.bytes;
  result.error_count = context.findings.error_count();
  return result;
}

/// True if "/" itself is to be restored onto the target: it was named, or backed up as such.
bool takes_root(const RestoreOptions& options, const Selector& select) {
  const auto& paths = options.backed_up_paths;
  const bool is_meant =
      options.sub_path == "/" ||
      (options.sub_path.empty() && std::find(paths.begin(), paths.end(), "/") != paths.end());
  return is_meant && select("/", true) == RestoreChoice::take;
}

}  // namespace

RestoreResult restore_snapshot(Repository& repository, ThreadPool& pool, const Node& root,
                               const RestoreOptions& options, FindingSink& sink) {
  expect_readable(repository.keyring(), repository.state().newest_epoch());
  SharedFindings findings(sink, options.no_owner ? SharedFindings::MissingRights::note
                                                 : SharedFindings::MissingRights::partial);
  const LoadedIndex loaded =
      repository.load_index({false, options.index_cache_directory, true}, findings);
  BlockSource blocks(repository.store(), loaded.index, repository.secrets());
  MovedChunks moved(repository, options.index_cache_directory);
  ChunkReader chunks(blocks, repository.keyring(), &moved);
  StoredMetadata trees(chunks);
  const Selector select(options.select);
  const WantedTree wanted{trees,  root,        options.sub_path, takes_root(options, select),
                          select, options.stop};

  RestoreMeter meter(options.on_progress);
  const RestoreNeeds needs = find_needs(wanted, loaded.index, findings);
  meter.set_totals(needs.files, needs.bytes);
  if (!options.no_space_check && !options.dry_run) {
    expect_space(needs, wanted, options.target, findings);
  }
  const std::uint64_t open_limit = raise_open_file_limit();
  OpenedTarget target = open_target(options);
  OutputDirectories directories(std::move(target.fd),
                                std::clamp<std::uint64_t>(open_limit / 4, 8, kMaxOpenDirectories));
  RestoreCounters counters;
  TaskGroup tasks(pool);
  RestoreContext context{options,
                         blocks,
                         trees,
                         moved,
                         repository.keyring(),
                         select,
                         directories,
                         tasks,
                         findings,
                         meter,
                         counters,
                         std::clamp<std::uint64_t>(open_limit / 8, 8, kMaxOpenFiles)};
  run_pipeline(context, wanted, target);
  findings.report_gathered();
  const std::uint64_t healed = blocks.healed_blocks();
  if (healed > 0 && !moved.are_deleted(blocks.healed_packs())) {
    findings.report({Finding::Weight::healable, "healed", "repository",
                     std::to_string(healed) +
                         " blocks were damaged and healed while reading, from second copies or "
                         "by parity: the output is complete; to heal the repository run: coppice "
                         "repair packs"});
  }
  return make_result(context, needs);
}

}  // namespace coppice
