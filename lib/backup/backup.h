#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/selection.h"
#include "base/clock.h"
#include "base/finding.h"
#include "base/stop.h"
#include "repo/repository.h"
#include "snapshot/snapshot_record.h"
#include "task/thread_pool.h"

namespace coppice {

/// One root of a backup.
struct BackupSource {
  std::string live_path;      ///< absolute: where it is read
  std::string recorded_path;  ///< absolute: what the snapshot calls it; differs only with --as
};

/// A stream that becomes one file of the snapshot, instead of live paths.
struct StreamSource {
  int fd = -1;
  std::string recorded_path;  ///< absolute
  /// Called at the end of the stream; throws if the producer failed, and then there is no snapshot.
  std::function<void()> confirm;
};

/// How far a backup is; values only grow.
struct BackupProgress {
  std::uint64_t files_done = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_added = 0;  ///< new raw bytes
  std::uint64_t error_count = 0;
  std::string current_path;
};

struct BackupOptions {
  std::vector<BackupSource> sources;
  std::optional<StreamSource> stream;
  Selection selection;
  /// Leaves out what is mounted below a source, also by bind mounts of the same file system: mount
  /// points stay, as empty directories.
  bool one_file_system = false;
  bool git_ignore = false;  ///< leaves out what git's ignore files say (git_ignore.h)
  /// Stores devices among the sources, or what a symlink among them leads to, as files with their
  /// content. Those that were not named stay nodes.
  bool read_special = false;
  bool with_atime = false;
  bool ignore_inode = false;
  bool ignore_ctime = false;
  bool is_dry_run = false;
  std::optional<Node> parent_root;  ///< "/" of the snapshot to compare with; none: read everything
  std::optional<Id> parent_id;
  std::string host;
  std::string user;
  std::vector<std::string> tags;
  std::optional<Timestamp> time;  ///< --time
  std::string program_version;
  std::optional<int> compression_level;  ///< default: the repository's
  std::uint64_t limit_bytes_per_second = 0;
  std::string index_cache_directory;
  const Clock* clock = &system_clock();
  const StopFlag* stop = nullptr;
  /// Called now and then by the gathering thread; may be empty.
  std::function<void(const BackupProgress&)> on_progress;
  /// For tests of what others do to the repository meanwhile: called when the index is loaded. May
  /// be empty.
  std::function<void()> after_index_loaded;
};

struct BackupResult {
  SnapshotSummary summary;
  std::optional<Id> snapshot_id;  ///< none for a dry run
  SnapshotRecord record;
  bool makes_deltas = true;  ///< false: this slot may not read, so all was stored plain
};

/// Throws Error{usage} if no snapshot can hold the names in these options: host, paths, tags.
/// run_backup asks too; whoever asks earlier has not even opened the repository.
void check_names(const BackupOptions& options);

/// Backs up: walk → read, cut, id → look up → blocks → packs → log entry (docs/architecture.md).
/// What cannot be read is reported and left out. When this returns, the snapshot is durable.
///
/// Throws Error{usage} as check_names; Error{failed} without a snapshot if no source at all could
/// be read or the stream's producer failed; Error{no_space}, Error{interrupted}: what was stored so
/// far is reused by the next run. Memory: see docs/architecture.md; at most 256 MiB with any number
/// of workers.
BackupResult run_backup(Repository& repository, ThreadPool& pool, const BackupOptions& options,
                        FindingSink& findings);

}  // namespace coppice
