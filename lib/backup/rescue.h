#pragma once
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "repo/block_mover.h"
#include "repo/repository.h"

namespace coppice {

/// What a backup counts on and a collector has condemned or deleted since: stored anew, block by
/// block and unopened, before the backup's entry names it (docs/design.md, section 6).
///
/// A block counts if the index ever answered with it. Of packs that the backup wrote or adopted
/// itself every block does.
class Rescue {
 public:
  /// All must outlive it; `entry` is the backup's own, whose adds it changes.
  Rescue(Repository& repository, const LoadedIndex& loaded, LogAppend& entry)
      : repository_(repository), loaded_(loaded), entry_(entry) {}

  /// True if by this state something is lost that was not stored anew yet.
  bool is_needed(const LogState& state) const;
  /// Stores anew what is lost by the repository's state. False if that is not to be had any more:
  /// the backup must read its sources again. `own_sessions` are those whose boxes the entry brings.
  bool run(const std::set<Id>& own_sessions);

 private:
  using Blocks = std::set<std::size_t>;  // positions in a pack
  struct LostPack {
    std::uint64_t length = 0;
    bool is_whole = false;  // else only `blocks`
    Blocks blocks;
  };
  using LostPacks = std::map<Id, LostPack>;

  bool is_gone(const LogState& state, const Id& pack) const;
  LostPacks find_lost(const LogState& state) const;
  void find_lost_in_run(const LogState& state, std::uint32_t run, LostPacks& lost) const;
  static bool knows_sessions(const LogState& state, const std::set<Id>& needed,
                             const std::set<Id>& own);

  Repository& repository_;
  const LoadedIndex& loaded_;
  LogAppend& entry_;
  std::set<Id> rescued_;   // packs
  std::set<Id> sessions_;  // that open what was rescued
  std::set<Id> own_sessions_;
};

}  // namespace coppice
