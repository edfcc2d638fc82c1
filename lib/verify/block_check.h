#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/index.h"
#include "pack/block_codec.h"
#include "pack/pack_file.h"
#include "pack/table.h"
#include "repo/chunk_reader.h"
#include "repo/keyring.h"
#include "repo/session_secrets.h"
#include "task/checkout_pool.h"
#include "task/offered_work.h"

namespace coppice {

/// What opening blocks takes. Shared by all workers; thread-safe.
struct BlockTools {
  const Keyring& keyring;
  SessionSecrets& secrets;
  const Index& index;
  ChunkReader& chunks;  ///< for the bases of deltas
  CheckoutPool<BlockOpener>& openers;
  ThreadPool& pool;  ///< the one that the workers are of
};

/// Something wrong in a pack's blocks.
struct BadBlock {
  std::uint32_t block = 0;                    ///< position in the pack's table
  std::optional<std::uint32_t> chunk_offset;  ///< only this chunk is wrong
  std::string why;
};

/// Looks at a pack's blocks while its bytes pass by: the hash in the table, and, where this slot
/// has the key, that the block opens, decompresses, and holds the chunks that the table says. Idle
/// workers help, so that the last packs are not left to one processor. Memory: three sealed blocks,
/// and for each of them that is being looked at a raw one and a delta's bases. Used by one thread.
class BlockChecker {
 public:
  /// Both must outlive it.
  BlockChecker(const BlockTools& tools, const PackTable& table);
  ~BlockChecker();
  BlockChecker(const BlockChecker&) = delete;
  BlockChecker& operator=(const BlockChecker&) = delete;

  /// The pack's bytes in order.
  void append(std::uint64_t offset, ByteView piece);
  /// Blocks that never came are bad, too. Ascending by block.
  std::vector<BadBlock> finish();

  /// After `finish`.
  std::uint64_t opened() const { return opened_; }  ///< blocks
  std::uint64_t chunks() const { return chunks_; }  ///< whose id was computed

 private:
  class OneBlock;

  void check(Bytes sealed);

  const BlockTools& tools_;
  const PackTable& table_;
  std::uint64_t next_offset_ = kObjectPrefixBytes;  // of the block that is to come
  Bytes carry_;                                     // the block's bytes from earlier pieces
  std::uint64_t opened_ = 0;
  std::uint64_t chunks_ = 0;
  std::vector<std::unique_ptr<OneBlock>> blocks_;  // those that came
  OfferedWork work_;                               // refers to them
};

}  // namespace coppice
