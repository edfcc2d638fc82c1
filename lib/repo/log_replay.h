#pragma once
#include "base/error.h"
#include "repo/keyring.h"
#include "repo/log_state.h"

namespace coppice {

/// Makes a LogState of entries, one after the other (docs/format.md, section 5). Judges each by its
/// signature, the rights of its signer and the chain of hashes; what does not hold is passed over
/// and reported.
///
/// Two degrees of wrong: an entry that is genuine but not allowed (role, revoked slot) is just
/// passed over. One that cannot be read, is not genuine or is contradicted by its successor is
/// *broken*: what it did is unknown, so nothing may be deleted until an owner declares it void.
///
/// Void entries and revocations look back, yet a checkpoint no longer tells which entry did what.
/// So looking back they touch snapshots only, which carry entry number and slot.
///
/// Not thread-safe. `keys` must outlive it and learns the keys of epochs that the log boxes to its
/// slot.
class LogReplay {
 public:
  /// `header_only_reads`: as the state says it.
  explicit LogReplay(Keyring& keys, bool header_only_reads = false) : keys_(keys) {
    state_.header_only_reads = header_only_reads;
  }

  const LogState& state() const { return state_; }

  /// Forgets everything, findings too.
  void start_over() { state_ = LogReplay(keys_, state_.header_only_reads).state_; }

  /// Forgets everything but the findings and starts after this checkpoint. Throws Error{damaged}
  /// (and changes nothing) if it is not a genuine one; otherwise as `apply`.
  void start_at(const ParsedLogEntry& checkpoint);

  /// Goes one entry on. Requires entry.plain.number == state().next_number and the repository's id
  /// in it. Throws Error{newer_version} for an unknown incompatible feature and Error{no_key} for
  /// an epoch whose key this slot was not given; the state then stays as it was.
  void apply(const ParsedLogEntry& entry);

  /// Goes on over an entry that cannot be read: Error{newer_version} for an intact file, anything
  /// else for a broken or missing one.
  void pass_unreadable(std::uint64_t number, const Error& why);

  void report(Finding::Weight weight, std::string code, std::uint64_t number, std::string message);

 private:
  void load(const ParsedLogEntry& checkpoint);
  void follow_chain(const LogEntry& entry);
  void judge(const ParsedLogEntry& entry);
  bool is_genuine(const ParsedLogEntry& entry) const;
  bool is_allowed(const LogEntry& entry) const;
  Bytes open(const ParsedLogEntry& entry) const;
  void obey_root(const ParsedLogEntry& entry);
  void obey_certificate(const ParsedLogEntry& entry);
  void obey_revocation(const ParsedLogEntry& entry);
  void obey_epoch(const ParsedLogEntry& entry);
  void obey_checkpoint(const ParsedLogEntry& entry);
  void learn(const LogEntry& entry, const std::vector<KeyBox>& boxes);
  using OpenedKeys = std::map<KeySecret, Secret32>;
  void learn_epoch(std::uint64_t epoch, OpenedKeys keys);
  void mark_broken(std::uint64_t number, std::string code, std::string message);
  void mark_unknown(std::uint64_t number, std::string message);

  Keyring& keys_;
  LogState state_;
};

}  // namespace coppice
