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

  /// Packs that cannot be moved are reported and left as they are; so are all of them if there is
  /// no room, or if the log has gone on so that what was chosen may be wrong. `packs` are positions
  /// in LivePacks::packs(). Throws as run_prune.
  void move(const std::vector<std::size_t>& packs);

  /// Packs of which all that is needed lies elsewhere now.
  const std::set<Id>& moved() const { return moved_; }
  /// Own new packs that are not wanted after all.
  const std::vector<ObjectRef>& dropped() const { return dropped_; }
  std::uint64_t written_bytes() const { return written_bytes_; }

 private:
  void move_pack(const PackView& pack, BlockMover& mover);
  std::vector<ObjectRef> move_all(const std::vector<std::size_t>& packs, BlockMover& mover);
  void leave(const Id& pack, const std::string& why);
  bool log_moved(const std::vector<ObjectRef>& added);
  void drop(std::vector<ObjectRef> packs);

  const Tools tools_;
  Survey& survey_;
  std::set<Id> moved_;
  std::vector<ObjectRef> dropped_;
  std::uint64_t written_bytes_ = 0;
};

}  // namespace coppice
