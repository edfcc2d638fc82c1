#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "prune/live_packs.h"
#include "prune/prune.h"
#include "repo/pack_listing.h"

namespace coppice {

/// What a repository looks like to a collector at one point of the log: which snapshots it has
/// marked, what is alive, what can go. Reads only.
class Survey {
 public:
  /// Marks all snapshots that stay: that are visible, or forgotten but not among `ending`, so that
  /// they can be brought back after the `delete`, too. Throws as run_prune. All must outlive it.
  Survey(Repository& repository, const PruneOptions& options, const std::set<Id>& ending,
         FindingSink& findings);

  const LivePacks& live() const { return *live_; }
  std::size_t snapshots() const { return marked_.size(); }

  /// True if nothing was condemned, deleted, found damaged or voided by others since, so that what
  /// was chosen to stay is still there. `own_condemned`: what this run condemned itself.
  bool is_still_true(const LogState& state, const std::set<Id>& own_condemned) const;
  /// True if all snapshots that stay now are marked, and all packs that are live are known.
  bool knows_all(const LogState& state) const;
  /// Marks snapshots that came, or came back, since. The condemned packs in which something lies
  /// that they need; live() is then about them alone.
  std::set<Id> mark_news();
  /// Packs of this run's own, and the sessions whose blocks are in them.
  void note_own(const std::vector<ObjectRef>& packs, const std::set<Id>& sessions);
  /// True if the log had boxes of that session when the index was loaded.
  bool knew_session(const Id& session) const { return known_sessions_.contains(session); }
  /// Packs without a readable table that can go: nothing needs them, and the log calls them lost or
  /// condemned. All others without one stay, whatever is in them.
  std::set<Id> lost_packs(const LogState& state) const;
  BlockSource& blocks() { return *blocks_; }

  /// Sessions of which a block may be left outside of `deleted`; nothing if that is not known.
  std::optional<std::set<Id>> sessions_left(const std::set<Id>& deleted) const;
  /// Listed packs that the log does not know, of which all lies in packs that it does know, or
  /// whose writer is unknown or revoked: nobody will count on them. And index objects that it does
  /// not know: who wrote them died before the entry, and whoever still lives can do without.
  std::vector<ObjectRef> useless_orphans(const LogState& state) const;
  /// Sessions of listed packs that the log does not know.
  std::set<Id> orphan_sessions(const LogState& state) const;

 private:
  /// What must not have changed; by value, for the state goes on.
  struct Ground {
    std::size_t deleted = 0;
    std::set<Id> condemned;
    std::map<Id, DamagedPack> damaged;
    std::set<std::uint64_t> void_numbers;
    std::map<SlotId, std::uint64_t> revoked_from;
  };
  static Ground ground_of(const LogState& state);
  void load();
  std::vector<const LoggedSnapshot*> staying_snapshots(const LogState& state) const;
  void mark_unmarked();
  void expect_no_newer_table() const;
  void expect_nothing_rests_on_the_unknown() const;
  void add_unlogged_indexes(const LogState& state, std::vector<ObjectRef>& orphans) const;
  std::optional<PackTable> table_of(const Id& pack, std::uint64_t length) const;

  Repository& repository_;
  const PruneOptions& options_;
  const std::set<Id>& ending_;  // snapshots
  FindingSink& findings_;
  Ground ground_;
  PackSizes listed_at_start_;
  PackSizes listed_;  // when the index was loaded
  std::unique_ptr<LoadedIndex> loaded_;
  std::unique_ptr<BlockSource> blocks_;
  std::set<Id> marked_;  // snapshots
  std::set<Id> known_packs_;
  std::set<Id> known_sessions_;
  std::set<Id> own_sessions_;
  std::set<Id> unknown_tables_;  // live packs: neither they, nor an index, nor the cache has one
  std::unique_ptr<UsedChunks> used_;
  std::unique_ptr<LivePacks> live_;
};

/// Forwards findings, each once.
class OnceSink final : public FindingSink {
 public:
  explicit OnceSink(FindingSink& inner) : inner_(inner) {}
  void report(const Finding& finding) override {
    if (seen_.insert(finding.code + "\n" + finding.item).second) inner_.report(finding);
  }

 private:
  FindingSink& inner_;
  std::set<std::string> seen_;
};

}  // namespace coppice
