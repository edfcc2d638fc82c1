#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "base/finding.h"
#include "base/stop.h"
#include "prune/pack_plan.h"
#include "prune/removal.h"
#include "prune/session_watch.h"
#include "repo/repository.h"

/// Collecting what no snapshot needs any more (docs/design.md, section 6): mark, condemn whole
/// packs, wait for sessions that may count on them, mark what came since, append `delete`, remove.
///
/// Why nothing that is needed is ever lost, with any number of backups and collectors and a crash
/// anywhere:
/// - A backup reads the log before it counts on a pack, and again before its entry. What was
///   condemned or deleted in between it stores anew. So an entry after a `condemn` needs nothing
///   that is condemned, and one before it is marked before the `delete`.
/// - The `delete` is appended only if the collector has marked every snapshot that stays: visible,
///   or forgotten but not ended by this very entry,
///   and if nothing else was condemned, deleted or found damaged since it chose what to keep: of
///   two collectors that would each keep the other's copy, one begins anew.
/// - While a snapshot needs what no readable table tells of, nothing is condemned or deleted: it
/// may
///   be a delta, and any block its base.
/// - Files go after their `delete`, and a deleted name never counts again, so an interrupted
/// removal
///   and a backup that slept through all of it are told by the log alone.
/// Sessions that are waited for only save them work.
namespace coppice {

struct PruneOptions {
  PlanLimits limits;
  bool is_dry_run = false;
  std::set<Id> as_if_forgotten;  ///< for a dry run: these snapshots, too
  /// How long to wait for running sessions; what is condemned stays for a later run if they live
  /// longer.
  std::chrono::milliseconds patience{0};
  WatchTime time;
  std::string index_cache_directory;
  const StopFlag* stop = nullptr;
  /// Says what it is at, for people: "marking"; may be empty.
  std::function<void(const std::string& phase)> on_phase;
};

struct PruneResult {
  std::uint64_t snapshots = 0;            ///< that were marked
  std::uint64_t snapshots_collected = 0;  ///< forgotten ones that ended
  std::uint64_t packs = 0;                ///< that the log knew
  std::uint64_t used_bytes = 0;           ///< sealed blocks that are needed
  std::uint64_t unused_bytes = 0;         ///< sealed blocks that are not, before
  std::uint64_t unused_after = 0;         ///< and that are still there after it, in packs that stay
  std::uint64_t packs_dead = 0;
  std::uint64_t packs_moved = 0;          ///< of which the needed blocks were moved
  std::uint64_t bytes_rewritten = 0;      ///< new packs
  std::uint64_t sessions_waited_for = 0;  ///< that still live: what is condemned stays for now
  std::uint64_t packs_left_condemned = 0;
  bool is_reserve_released = false;
  Removed removed;
};

/// Throws Error{refused} if the role may not, Error{damaged} if the log is broken or a tree cannot
/// be read, Error{newer_version} for what cannot be judged: then nothing is condemned or deleted.
/// Error{interrupted}, Error{no_space}: a later run goes on where this one stopped.
/// Memory: the index (mapped where there is a cache), three bits a chunk, about 100 bytes a pack,
/// the cache of blocks, and one pack's table and parity.
PruneResult run_prune(Repository& repository, const PruneOptions& options, FindingSink& findings);

}  // namespace coppice
