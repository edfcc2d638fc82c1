#pragma once
#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "fs/apply.h"
#include "repo/block_source.h"
#include "repo/keyring.h"
#include "repo/moved_chunks.h"
#include "restore/output_directory.h"
#include "restore/restore.h"
#include "restore/shared_findings.h"
#include "restore/tree_walk.h"
#include "task/counter.h"
#include "task/task_group.h"

namespace coppice {

/// Counts what is done and tells the caller. Thread-safe.
class RestoreMeter {
 public:
  explicit RestoreMeter(std::function<void(const RestoreProgress&)> tell)
      : state_(std::move(tell)) {}

  void set_totals(std::uint64_t files, std::uint64_t bytes);
  void add_bytes(std::uint64_t bytes);
  void add_file(std::uint64_t bytes_settled = 0);
  /// Calls the caller's function.
  void tell(const std::string& current_path);

 private:
  struct State {
    explicit State(std::function<void(const RestoreProgress&)> tell_in)
        : tell(std::move(tell_in)) {}
    std::function<void(const RestoreProgress&)> tell;
    RestoreProgress progress;
  };
  Guarded<State> state_;
};

/// Thread-safe numbers of RestoreResult.
struct RestoreCounters {
  Counter files_restored, files_unchanged, files_skipped, dirs_restored, files_deleted;
  Counter bytes_restored;
};

/// How many things are open. Thread-safe.
class OpenCount {
 public:
  void add(std::size_t amount) {
    count_.with([&](std::size_t& count) { count += amount; });
  }
  void subtract(std::size_t amount) {
    count_.with([&](std::size_t& count) { count -= amount; });
  }
  std::size_t value() const {
    return count_.with([](const std::size_t& count) { return count; });
  }

 private:
  Guarded<std::size_t> count_{std::size_t{0}};
};

/// What all parts of one restore share. All of it is thread-safe or const.
struct RestoreContext {
  const RestoreOptions& options;
  BlockSource& blocks;
  MetadataSource& trees;
  MovedChunks& moved;
  const Keyring& keyring;
  const Selector& select;
  OutputDirectories& directories;
  TaskGroup& tasks;
  SharedFindings& findings;
  RestoreMeter& meter;
  RestoreCounters& counters;
  const std::size_t max_open_files;
  OpenCount open_files{};     ///< regular files being written
  Counter temporary_names{};  ///< makes the names of temporary files differ
  Guarded<std::uint64_t> windows_done{std::uint64_t{0}};  ///< restored, and nothing of them is used

  /// Throws Error{interrupted} if a stop was requested.
  void check_stop() const {
    if (options.stop != nullptr) options.stop->check();
  }
  ApplyOptions apply_options() const {
    ApplyOptions apply;
    apply.owner = !options.no_owner;
    return apply;
  }
  /// A name in a target directory for what is renamed later.
  std::string make_temporary_name();
};

/// Runs work(i) for 0 <= i < count on the pool's threads, in order of starting. The first error
/// stops the rest and is thrown here when none runs any more. Must not be called from the pool.
template <typename Work>
void run_parallel(TaskGroup& tasks, std::size_t count, Work work) {
  if (count == 0) return;
  Counter next;
  const auto take_work = [&next, count, &work] {
    try {
      for (std::size_t i = next.add(); i < count; i = next.add()) work(i);
    } catch (...) {  // thread boundary: the others are to stop too
      next.add(count);
      throw;
    }
  };
  std::vector<std::future<void>> running;
  for (std::size_t i = 0; i < std::min<std::size_t>(tasks.threads(), count); ++i) {
    running.push_back(tasks.submit(ThreadPool::Priority::normal, take_work));
  }
  for (const std::future<void>& task : running) task.wait();
  for (std::future<void>& task : running) task.get();
}

}  // namespace coppice
