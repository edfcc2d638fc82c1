#pragma once
#include <functional>
#include <optional>

#include "crypto/random.h"
#include "repo/log_reader.h"
#include "repo/log_replay.h"

namespace coppice {

/// What to append. Bodies are encoded by repo/log_bodies.h and repo/checkpoint.h.
struct LogAppend {
  LogEntryType type = LogEntryType::snapshot;
  std::vector<ObjectRef> adds;
  std::vector<ObjectRef> deletes;
  Bytes public_body;
  Bytes body;
};

/// The repository's log: reads it to its tail and appends to it (docs/format.md, section 5;
/// docs/design.md, section 6). No locks: an entry is published by put-if-absent at the first free
/// number by a writer who has read all before it.
///
/// Store and keyring must outlive it. Not thread-safe.
class Log {
 public:
  Log(Store& store, Keyring& keys, RandomSource& random = system_random(),
      bool header_only_reads = false);

  /// Entries that stand in for those that are lost (LogReader::use_spare); before the first
  /// refresh.
  void use_spare(const std::vector<Bytes>& entries) { reader_.use_spare(entries); }

  /// Reads to the tail: from the newest checkpoint at first, later only what is new. Unreadable
  /// entries become findings of the state. Throws Error{newer_version} and Error{no_key} as
  /// LogReplay::apply, Error{failed} if the store does not answer. The state of an empty log has
  /// next_number 0.
  const LogState& refresh();
  /// As of the last refresh or append.
  const LogState& state() const { return replay_.state(); }

  /// Looks at the state that the entry will follow and says what to append; may throw to give up.
  using MakeEntry = std::function<LogAppend(const LogState&)>;
  /// Refreshes, asks `make`, appends; when another writer was faster, refreshes and asks again.
  /// Signs with the root key what only the root may say, with the slot's key all else. Returns the
  /// entry's number; its first file is then durable, and state() obeys it. If only the second copy
  /// failed, that is a finding.
  ///
  /// Throws Error{refused} if the role may not append this type, for a slot that is revoked, and
  /// for condemn, delete and checkpoint while collection is stopped; Error{newer_version} if the
  /// state is read-only. An epoch's entry is sealed with its own repository key, which `keys` must
  /// hold.
  std::uint64_t append(const MakeEntry& make);
  /// The same where the state does not matter.
  std::uint64_t append(const LogAppend& entry);
  /// Appends a checkpoint.
  std::uint64_t append_checkpoint();

  /// The hash of an entry's file, for comparing with what this machine remembers; nullopt if it
  /// cannot be read (it may lie before the newest checkpoint and be gone).
  std::optional<Id> hash_of(std::uint64_t number);

 private:
  void start(const LogExtent& extent);
  bool start_at_checkpoint(const LogExtent& extent, std::uint64_t lowest);
  bool try_checkpoint(std::uint64_t number);
  std::uint64_t named_checkpoint(std::uint64_t number, std::uint64_t first);
  void replay_to(const LogExtent& extent);
  void replay_one(const LogExtent& extent);
  void expect_allowed(const LogAppend& entry) const;
  ParsedLogEntry encode(const LogAppend& entry);
  bool publish(const ParsedLogEntry& entry);
  bool is_overtaken(const ParsedLogEntry& entry);
  bool is_published(const ParsedLogEntry& entry);
  std::unique_ptr<Store::Upload> upload_copy(const ParsedLogEntry& entry);
  void commit_copy(std::uint64_t number, Store::Upload& copy);
  void heal_predecessor();

  Store& store_;
  Keyring& keys_;
  RandomSource& random_;
  LogReader reader_;
  LogReplay replay_;
  std::optional<std::uint64_t> started_at_;  // the checkpoint that replay_ started from
  std::set<std::uint64_t> bad_checkpoints_;  // void or unusable: not to start from
};

}  // namespace coppice
