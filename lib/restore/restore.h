#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "base/stop.h"
#include "repo/repository.h"
#include "snapshot/node.h"
#include "task/thread_pool.h"

/// Restoring a snapshot, or a part of it, into a directory (docs/cli.md, `restore`).
namespace coppice {

struct RestoreProgress {
  std::uint64_t files_done = 0;  ///< entries but directories, restored, unchanged or given up
  std::uint64_t files_total = 0;
  std::uint64_t bytes_done = 0;  ///< of their content
  std::uint64_t bytes_total = 0;
  std::string current_path;  ///< in the snapshot, bytes; may be empty
};

/// What becomes of an existing entry that is no directory.
enum class Overwrite {
  if_changed,  ///< equal type, size and mtime: kept; else only what differs is written
  always,      ///< all of its content is written
  never,       ///< kept as it is
};

/// What a pattern says of an entry.
enum class RestoreChoice {
  none,     ///< not restored, nor anything beneath it; `delete_extra` spares it
  beneath,  ///< a directory that is not meant itself: made if something beneath it is restored
  take,     ///< restored; what is beneath a directory is asked about on its own
};

/// Bounds of what is planned at one time. At most three windows are in memory: one planned, one
/// waiting, one restored.
struct RestoreWindow {
  std::size_t entries = 32768;
  std::size_t chunk_places = 262144;
  std::uint64_t content_bytes = std::uint64_t{1} << 30;
  std::size_t memory_bytes = 24 << 20;  ///< of entries with their names, attributes and extents
};

struct RestoreOptions {
  std::string target;  ///< a directory; made with mode 0700 if it is missing
  /// Empty: whole paths below the target, and onto it the metadata of "/" if that was backed up
  /// itself. A directory, also "/": its contents into the target, its metadata onto the target.
  /// Anything else: target/basename.
  std::string sub_path;
  /// Asked with the absolute path in the snapshot, from one thread at a time, from any thread.
  /// Empty: everything.
  std::function<RestoreChoice(std::string_view path, bool is_directory)> select;
  Overwrite overwrite = Overwrite::if_changed;
  /// Removes what the snapshot does not have from directories at or below `backed_up_paths`, but
  /// for what `select` calls none, other mounts, and directories recorded as incomplete.
  bool delete_extra = false;
  std::vector<std::string> backed_up_paths;  ///< SnapshotRecord::paths
  /// Changes nothing; reports notes "would_restore", "would_update", "would_delete" for exactly
  /// what would be made, changed and removed, and what can be foreseen to fail as if it had.
  bool dry_run = false;
  bool verify = false;  ///< reads back from disk all that was written and compares the ids
  /// Owners are left alone, and what else only root may set or make is a note.
  bool no_owner = false;
  bool owner_by_name = false;  ///< recorded user and group names, where this machine knows them
  std::map<std::uint32_t, std::uint32_t> user_map;   ///< recorded uid → uid; goes before names
  std::map<std::uint32_t, std::uint32_t> group_map;  ///< recorded gid → gid
  bool no_space_check = false;
  const StopFlag* stop = nullptr;
  std::string index_cache_directory;  ///< empty: no cache
  /// Called from one thread at a time, from any thread, at most some times per window and block.
  std::function<void(const RestoreProgress&)> on_progress;
  RestoreWindow window;
};

/// "Files" are all entries but directories.
struct RestoreResult {
  std::uint64_t files_restored = 0;
  std::uint64_t files_unchanged = 0;  ///< were there already, content and metadata
  std::uint64_t files_skipped = 0;    ///< kept by Overwrite::never, or could not be restored
  std::uint64_t dirs_restored = 0;
  std::uint64_t files_deleted = 0;  ///< extra entries, directories too
  std::uint64_t bytes_restored = 0;
  std::uint64_t total_files = 0;  ///< selected
  std::uint64_t total_bytes = 0;
  std::uint64_t error_count = 0;  ///< findings that count for the exit code as partial or damaged
};

/// Restores what is selected of the tree `root`. Goes on after whatever concerns single entries and
/// reports it: "content_damaged" (damaged) with the path for a file whose chunks are missing or
/// damaged at all their places, "tree_damaged" (damaged) with the directory's path, "write_failed"
/// and the like (partial), metadata that could not be set and types of entries that cannot be made
/// here (partial) once per kind. A chunk is
/// written only after it was proved by its id. A file that could not be restored whole is left out;
/// if parts of it were written, it stands as NAME.incomplete, or, where an existing file was being
/// updated, under its name, and the message says so. Started again after an interruption it
/// continues. Nothing is written outside the target, whatever stands in it.
///
/// Throws Error{no_key} if this slot cannot read contents, Error{no_space} if the target is or
/// would become full, Error{usage} if sub_path is not in the snapshot, Error{interrupted},
/// Error{damaged} if the root tree cannot be read, Error{failed} if the target cannot be used.
///
/// Uses two threads beside the pool's; must not be called from the pool. Memory: three windows
/// (some 32 MiB each at most), one raw block per worker, 32 MiB of trees; hard links of which names
/// are still to come, and names of large directories of the target, in scratch memory.
RestoreResult restore_snapshot(Repository& repository, ThreadPool& pool, const Node& root,
                               const RestoreOptions& options, FindingSink& findings);

}  // namespace coppice
