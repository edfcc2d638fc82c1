#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/finding.h"
#include "base/stop.h"
#include "repo/repository.h"
#include "store/store.h"
#include "task/thread_pool.h"

/// Healing a repository (docs/cli.md, `repair`; docs/decisions/0030). Every job plans first and
/// tells its whole plan before it writes anything; what it writes is new and proved before it takes
/// the place of damaged bytes; nothing that anybody could still need is removed.
namespace coppice {

struct RepairProgress {
  std::uint64_t objects_done = 0;
  std::uint64_t objects_total = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::string current;
};

/// One line of a plan.
struct PlannedRepair {
  std::string item;    ///< the file, or SNAPSHOT:PATH
  std::string action;  ///< what is wrong, and what will be done
};

struct RepairOptions {
  /// Plans and tells; changes nothing.
  bool is_dry_run = false;
  const StopFlag* stop = nullptr;
  /// Header, slots and root-signed log entries from an export, for `repair packs` where the
  /// repository's own are gone; may be null. Slots are taken only in place of damaged ones, or if
  /// there is no slot at all; log entries only if the chain, or for entry 0 the repository's id,
  /// proves them.
  const HeaderExport* header_export = nullptr;
  /// The plan, in order, whole before the first change. Called by the calling thread.
  std::function<void(const PlannedRepair&)> on_plan;
  /// Called from one thread at a time, from any thread.
  std::function<void(const RepairProgress&)> on_progress;
};

/// A pack that neither its side file nor another store has.
struct LostPack {
  Id name;
  std::string why;
};

struct RepairResult {
  std::uint64_t planned = 0;
  std::uint64_t healed = 0;  ///< done, or to be done if it is a dry run
  std::uint64_t lost = 0;    ///< cannot be healed here, or failed
  std::uint64_t bytes_written = 0;
  std::vector<LostPack>
      lost_packs;  ///< of `repair packs`; not in `lost` yet, see report_lost_packs
};

/// Heals every file of the repository, without any key: packs, index objects and session records
/// from second copy, parity or `other`; second copies and parity files from what they belong to;
/// log entries, header, slots and readme from their copies.
///
/// `other`, unless null, is another repository of the family or a copy of this one. Packs and index
/// objects are proved by their names; log entries, session records and slots are taken only if they
/// are of this very repository.
///
/// Findings: "healed" (healable: exit 14; also for what a dry run would do), "beyond_repair"
/// (damaged: 13), "repair_failed" (damaged). Throws Error{no_repository} if there is none,
/// Error{newer_version} before any change if anything was written by a newer version,
/// Error{interrupted}, Error{failed} if the store does not answer, Error{no_space}.
///
/// Memory: about 12 MiB a worker. Must not be called from the pool.
RepairResult repair_packs(Store& store, Store* other, ThreadPool& pool,
                          const RepairOptions& options, FindingSink& findings);

/// What repair_packs leaves open, because the contents of a lost pack may still come from
/// elsewhere: reports each of result.lost_packs as "beyond_repair" (damaged), or, if `is_refilled`,
/// as healed.
void report_lost_packs(RepairResult& result, bool is_refilled, FindingSink& findings);

/// With keys of both, after mark_lost_packs: stores anew what snapshots need, is lost here, and
/// `other`, of the same family, still has; chunk by chunk, because its packs are others. True if
/// nothing that any snapshot needs is lost then. A dry run takes all of result.lost_packs for lost.
/// Findings: "not_family" (note), "refilled" (note). Throws Error{no_key} and Error{refused} if
/// this slot may not.
bool refill_from(Repository& repository, Repository& other, ThreadPool& pool,
                 const RepairOptions& options, RepairResult& result, FindingSink& findings);

/// With a key, after repair_packs: says in the log which chunks cannot be read any more in
/// `lost_packs`, so that no backup counts on them and the next one stores them anew from the live
/// files; and, as an owner, takes such marks back from packs that are whole again, after every
/// block of theirs was opened and every id computed (an attestation). Nothing is appended where
/// nothing has changed. Adds to `result`. Findings: "marked_lost", "mark_lifted" (notes),
/// "mark_stays" (note: this slot may not lift it). Throws Error{newer_version} if the log is
/// read-only.
void mark_lost_packs(Repository& repository, const RepairOptions& options, RepairResult& result,
                     FindingSink& findings);

/// Makes index objects anew from the tables in the packs if any index object is damaged, missing or
/// tells something else than the packs, and appends the entry that replaces them. Index objects
/// that cannot be read by anyone are deleted in the log if this slot may; others stay until
/// `prune`. Tables of packs that cannot be read are carried over from the old ones. The local cache
/// is the caller's to drop. Throws Error{refused} for a reader's slot, Error{newer_version}.
RepairResult repair_index(Repository& repository, const RepairOptions& options,
                          FindingSink& findings);

/// For every snapshot that counts and has lost content: appends a new one without the files and
/// directories that are lost, each of which is reported ("content_lost", damaged, SNAPSHOT:PATH),
/// and keeps the old one. The new one has host, paths, tags and time of the old, names it as its
/// parent, and is flagged as of a given time, so that `latest` and `--keep-last` pass over it. A
/// snapshot for which that was done before is passed over (note "repaired_before").
///
/// Lost is what has no place left in a pack that is there at its right size and not marked damaged
/// there (repair_packs and mark_lost_packs come first), and trees that do not open. Throws
/// Error{no_key} if this slot cannot read trees, Error{refused} if it may not append snapshots.
struct RepairedSnapshot {
  Id old_id;
  Id new_id;
};
RepairResult repair_snapshots(Repository& repository, ThreadPool& pool,
                              const RepairOptions& options, const std::string& program,
                              std::vector<RepairedSnapshot>& repaired, FindingSink& findings);

/// As an owner: declares the entries of the log void that cannot be read or were forged, so that
/// collection goes on (docs/format.md, section 5). What they alone told is lost: snapshots among
/// them, which the next backup replaces. Findings: "log_entry_void" (damaged). Throws
/// Error{refused} for other roles.
RepairResult repair_log(Repository& repository, const RepairOptions& options,
                        FindingSink& findings);

}  // namespace coppice
