#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "base/finding.h"
#include "base/id.h"
#include "base/stop.h"
#include "repo/repository.h"
#include "store/store.h"
#include "task/thread_pool.h"

/// Proving a repository's integrity (docs/cli.md, `verify`; docs/design.md, section 8): without any
/// key, by its structure, or by all of its bytes. Nothing is ever changed.
namespace coppice {

struct VerifyProgress {
  std::uint64_t objects_done = 0;  ///< of the log, sessions, packs and index objects
  std::uint64_t objects_total = 0;
  std::uint64_t bytes_done = 0;  ///< of those that are read whole
  std::uint64_t bytes_total = 0;
  std::string current;  ///< an object, or a snapshot's path; may be empty
};

/// Packs whose name's hash falls into part `number` of `parts`: the parts together are all packs.
struct SamplePart {
  std::uint64_t number = 1;  ///< 1 ... parts
  std::uint64_t parts = 1;
};
/// A random choice of packs, another one each time.
struct SamplePercent {
  double percent = 100;  ///< above 0, at most 100
};
/// Randomly chosen packs until they have this many bytes together; one at least.
struct SampleBytes {
  std::uint64_t bytes = 0;
};
using VerifySample = std::variant<SamplePart, SamplePercent, SampleBytes>;

struct VerifyOptions {
  /// Reads every pack whole, opens every block, computes every chunk's id anew. Index objects are
  /// always read. (A keyless verify always reads everything, but for `sample`.)
  bool read_data = false;
  /// Only these packs are read whole (with read_data, or keyless); all else is verified in full.
  std::optional<VerifySample> sample;
  /// Only this snapshot's tree is walked, and with read_data only the packs it needs are read.
  std::optional<Id> only_snapshot;
  /// Lower-case hex, 8 to 64 digits: the beginning of the hash of some entry of the log, noted
  /// down earlier. Empty: none.
  std::string expected_head;
  /// What this machine has seen of the log; a keyless verify compares it (Repository::open does for
  /// the others). Null: nothing.
  const HostState* host_state = nullptr;
  const StopFlag* stop = nullptr;
  /// Called from one thread at a time, from any thread, at most once per object or piece read.
  std::function<void(const VerifyProgress&)> on_progress;
};

struct VerifyResult {
  std::uint64_t packs = 0;      ///< that the log names
  std::uint64_t blocks = 0;     ///< opened
  std::uint64_t chunks = 0;     ///< whose ids were computed anew
  std::uint64_t snapshots = 0;  ///< walked
  std::uint64_t trees = 0;      ///< different directories walked
  std::uint64_t bytes_read = 0;
  std::uint64_t damaged = 0;      ///< findings of Weight::damaged: exit code 13
  std::uint64_t healable = 0;     ///< findings of Weight::healable: exit code 14
  std::uint64_t error_count = 0;  ///< both, and those of Weight::partial
};

/// Verifies an opened repository: header, slots, readme; the log; presence and size of every object
/// and side file; tables, index objects; every snapshot that counts, its signature, its whole tree,
/// and that every chunk it names has a place; with read_data also every byte of packs and side
/// files. Whoever cannot read contents (an auditor) still proves all that can be proved without the
/// data key; blocks that the slot cannot open are judged by the hash in their signed table.
///
/// Finding.code is one of (d: damaged; h: healable by a second copy, parity or another place; both
/// where no letter stands; n: note):
///   header_damaged, slot_damaged, readme_damaged (h), reserve_missing (n),
///   reserve_damaged (n)
///   log_entry_damaged (h), log_entry_broken (d), log_chain_broken (d), log_entry_unknown (d),
///   log_number_implausible (d), log_rolled_back (d), and what LogState::findings has
///   pack_damaged, index_damaged, session_damaged    bytes are not those of the name, or a length
///   pack_missing, index_missing, session_missing
///   side_file_damaged, side_file_missing (h)        of an object that is whole itself
///   pack_unlogged (n)                               left by an interrupted session
///   table_damaged (d), table_forged (d)             opened or signed by nobody known
///   index_contradicts_pack (d)
///   block_damaged, chunk_damaged                    an intact pack holds wrong bytes
///   snapshot_damaged, snapshot_forged (d)           its record
///   tree_damaged                                    item: SNAPSHOT:PATH of the directory
///   content_damaged                                 item: SNAPSHOT:PATH of a file that is hurt
///   more_content_damaged                            beyond 1000 paths of a snapshot: how many
///   snapshots_unreadable (partial)                  a writer's slot cannot read trees
///   repository_changed (partial)                    pruned again and again meanwhile: verify again
///
/// Where a collector has deleted what seemed damaged, all is verified anew as of then, at most five
/// times; packs that were read whole and good are not read again, and nothing is reported before.
///
/// What Repository::open reported is found again here: give it a sink of its own that drops it.
///
/// Throws Error{usage} for options out of range or a snapshot that is not there,
/// Error{interrupted}, Error{failed} if the store does not answer; damage never throws.
///
/// Must not be called from the pool. Memory: about 12 MiB a worker, and the index.
VerifyResult verify_repository(Repository& repository, ThreadPool& pool,
                               const VerifyOptions& options, FindingSink& findings);

/// Verifies as far as it goes without any key: checksums of header, slots, readme, log entries and
/// session records, the chain of the log, and every object that the log names against its name,
/// length and side file. Codes as above. Throws Error{no_repository} if the store holds neither a
/// header nor a log entry, and what verify_repository throws.
VerifyResult verify_keyless(Store& store, ThreadPool& pool, const VerifyOptions& options,
                            FindingSink& findings);

}  // namespace coppice
