#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/finding.h"
#include "repo/live_objects.h"
#include "repo/log_bodies.h"

namespace coppice {

/// A snapshot as the log tells it.
struct LoggedSnapshot {
  std::uint64_t number = 0;  ///< of its entry: the order of receipt
  SlotId slot;               ///< who appended it
  Id id;                     ///< BLAKE3 of the record, keyed with the metadata id key
  Bytes record;
  bool is_forgotten = false;
  std::set<std::string> added_tags;    ///< beside the record's own
  std::set<std::string> removed_tags;  ///< of the record's own or of earlier added ones

  bool operator==(const LoggedSnapshot&) const = default;
};

/// What a slot's newest certificate says.
struct Certificate {
  std::uint64_t number = 0;  ///< of its entry: the slot may append from here on
  CertificateBody body;
  CertificateTerms terms;

  bool operator==(const Certificate&) const = default;
};

struct EpochInfo {
  BoxPublicKey data_key;
  BoxPublicKey metadata_key;

  bool operator==(const EpochInfo&) const = default;
};

struct LoggedDrill {
  std::uint64_t number = 0;
  SlotId slot;
  std::string json;

  bool operator==(const LoggedDrill&) const = default;
};

/// Chunks that cannot be read in a pack; no chunk named: none can.
using DamagedPack = std::set<ChunkName>;

/// The repository's state after the entries up to next_number - 1 (docs/format.md, section 5).
/// Plain data: LogReplay makes it, all others only read it. Whatever is not named otherwise follows
/// from the entries alone, so that a state restored from a checkpoint equals the one replayed from
/// all entries.
struct LogState {
  // ---- keys and rights, from root-signed entries only
  std::optional<Parameters> parameters;  ///< absent only before entry 0
  std::map<std::uint64_t, EpochInfo> epochs;
  FeatureBits features;  ///< of all epochs together
  std::map<SlotId, Certificate> certificates;
  std::map<SlotId, std::uint64_t> revoked_from;
  std::vector<Bytes> root_entries;  ///< the files of all of them, oldest first

  // ---- contents
  std::vector<LoggedSnapshot> snapshots;  ///< all, forgotten and void ones too, in order of receipt
  /// By session id. More than one only if another slot claims the same session: try each.
  std::map<Id, std::vector<SessionBox>> session_boxes;
  LiveObjects objects;
  std::set<Id> index_names;  ///< live index objects that no other replaces
  /// Live packs that were added after the newest index set or checkpoint that this reader saw:
  /// their tables are likely to be in no index object. For upkeep only, and not restated.
  std::set<Id> unindexed;
  std::set<Id> condemned;  ///< packs: absent for deduplication, about to be deleted
  std::set<Id> attested;   ///< packs that an owner vouches for
  std::map<Id, DamagedPack> damaged;
  std::optional<LoggedDrill> drill;  ///< the newest

  // ---- the log itself
  std::uint64_t next_number = 0;
  std::optional<Id>
      last_hash;  ///< of entry next_number - 1; absent if it could not be read, or for 0
  std::vector<std::uint64_t> checkpoints;  ///< seen by this reader and not void, ascending
  std::set<std::uint64_t> void_numbers;
  std::set<std::uint64_t>
      broken;                ///< unreadable, forged or contradicted by the successor, and not void
  bool has_unknown = false;  ///< an entry that this program cannot judge
  bool header_only_reads = false;  ///< the header has a read-only-compatible feature
  std::vector<Finding> findings;   ///< what this reader met on its way

  /// This program may not write: an unknown entry type or read-only-compatible feature, in the log
  /// or in the header.
  bool is_read_only() const;
  /// Nothing may be condemned, deleted or restated before an owner has declared the broken entries
  /// void.
  bool collection_is_stopped() const { return !broken.empty(); }
  /// 1 + number of the newest checkpoint, 0 if none: what an entry's field `checkpoint` says.
  std::uint64_t checkpoint_field() const {
    return checkpoints.empty() ? 0 : checkpoints.back() + 1;
  }
  /// Throws Error{damaged} if the log has none.
  std::uint64_t newest_epoch() const;

  /// True if the slot's entry with this number does not count because the slot is revoked.
  bool is_revoked(const SlotId& slot, std::uint64_t number) const;
  /// True if a snapshot does not count, because its entry is void or its slot's entries from there
  /// on are.
  bool is_void(const LoggedSnapshot& snapshot) const;
  /// Those that count: neither forgotten nor void, each id once (the oldest), in order of receipt.
  std::vector<const LoggedSnapshot*> visible_snapshots() const;

  /// True if the location of a chunk in this pack is marked damaged.
  bool is_damaged(const Id& pack, const ChunkName& chunk) const;
};

}  // namespace coppice
