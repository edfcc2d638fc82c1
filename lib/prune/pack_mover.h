#pragma once
#include <cstdint>
#include <set>
#include <vector>

#include "base/stop.h"
#include "prune/collector_log.h"
#include "prune/pack_proof.h"
#include "prune/survey.h"
#include "repo/block_mover.h"

namespace coppice {

/// The length of the packs that so many bytes of blocks take anew, about: in one pack, mostly, with
/// a table of some 1.5 %, and padded. 0 for none.
std::uint64_t length_of_moved(std::uint64_t live_bytes);

/// Moves what is alive in packs that are to go into new ones, which the log then names: rewriting
/// packs that are too dead, joining small ones, rescuing what was condemned and is needed after
/// all. One attempt of a collection; used by one thread.
class PackMover {
 public:
  struct Tools {
    Repository& repository;
    CollectorLog& log;
    FindingSink& findings;
    const StopFlag* stop;
  };
  PackMover(const Tools& tools, Survey& survey) : tools_(tools), survey_(survey) {}

  /// Packs that cannot be moved are reported and left as they are; so are those that there is no
  /// room for, the last ones first, and all of them if the log has gone on so that what was chosen
  /// may be wrong. `packs` are positions in LivePacks::packs(). Throws as run_prune.
  void move(const std::vector<std::size_t>& packs);

  /// Packs of which all that is needed lies elsewhere now.
  const std::set<Id>& moved() const { return moved_; }
  /// Own new packs that are not wanted after all.
  const std::vector<ObjectRef>& dropped() const { return dropped_; }
  std::uint64_t written_bytes() const { return written_bytes_; }
  /// Free bytes that what was left for want of room takes, about; 0 if nothing was.
  std::uint64_t room_wanted() const { return room_wanted_; }
  /// What the first of them takes.
  std::uint64_t least_room_wanted() const { return least_room_wanted_; }

 private:
  std::vector<std::size_t> proved(const std::vector<std::size_t>& packs);
  /// False if the target is full: what is in packs that were published before stands in moved_.
  bool move_while_there_is_room(const std::vector<std::size_t>& packs);
  void move_pack(const PackView& pack, BlockMover& mover);
  void add_all(const std::vector<std::size_t>& packs, BlockMover& mover);
  void leave(const Id& pack, const std::string& why);
  std::uint64_t room_for(const std::vector<std::size_t>& packs) const;
  bool log_moved(const std::vector<ObjectRef>& added);
  void drop(std::vector<ObjectRef> packs);

  const Tools tools_;
  Survey& survey_;
  std::set<Id> pending_;  // of which some may still be in a pack that is not published
  std::set<Id> moved_;
  std::vector<ObjectRef> dropped_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t room_wanted_ = 0;
  std::uint64_t least_room_wanted_ = 0;
};

}  // namespace coppice
