#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/stop.h"
#include "prune/survey.h"
#include "repo/repository.h"

namespace coppice {

/// Whose word the tables of packs are that are about to be moved.
///
/// Moving vouches (repo/block_mover.h): an owner's signature is believed by all writers, so an
/// owner opens what it moves out of packs of slots that not everybody believes, and compares each
/// chunk with its id: else a writer's false table would turn into an owner's word.
///
/// Each run's records are passed over once, and once more for every kProofChunks chunks that are to
/// be proved; each block is opened once. Memory: 4 bytes a block of one run and 8 bytes for each of
/// kProofChunks chunks. Used by one thread.
class PackProof {
 public:
  static constexpr std::size_t kProofChunks = std::size_t{1} << 20;

  /// All must outlive it. `stop` may be null.
  PackProof(const Repository& repository, Survey& survey, const StopFlag* stop,
            std::size_t chunks_at_once = kProofChunks)
      : repository_(repository), survey_(survey), stop_(stop), chunks_at_once_(chunks_at_once) {}

  /// Of these packs (positions in LivePacks::packs()) those of which a live block cannot be read,
  /// or is not what its table says: by name, and why.
  std::map<Id, std::string> find_false(const std::vector<std::size_t>& packs);

  /// Blocks that were opened.
  std::uint64_t blocks_opened() const { return blocks_opened_; }

 private:
  /// One chunk of a block that is to be proved; both are positions in the run.
  struct Claim {
    std::uint32_t block = 0;
    std::uint32_t chunk = 0;
  };

  bool vouches_for(const PackView& pack) const;
  void prove_run(std::uint32_t run, const std::vector<std::size_t>& packs);
  /// How many chunks each block of the run has that is to be proved; 0 for all others.
  std::vector<std::uint32_t> count_claims(std::uint32_t run,
                                          const std::vector<std::size_t>& packs) const;
  /// The blocks from `begin` to before `end`.
  void prove_blocks(std::uint32_t run, std::uint32_t begin, std::uint32_t end,
                    const std::vector<std::uint32_t>& counts);
  void prove_block(std::uint32_t run, std::span<const Claim> claims);

  const Repository& repository_;
  Survey& survey_;
  const StopFlag* stop_;
  const std::size_t chunks_at_once_;
  std::map<Id, std::string> false_;
  std::uint64_t blocks_opened_ = 0;
};

}  // namespace coppice
