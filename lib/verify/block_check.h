#pragma once
#include <cstdint>
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

namespace coppice {

/// What opening blocks takes. Shared by all workers; thread-safe.
struct BlockTools {
  const Keyring& keyring;
  SessionSecrets& secrets;
  const Index& index;
  ChunkReader& chunks;  ///< for the bases of deltas
  CheckoutPool<BlockOpener>& openers;
};

/// Something wrong in a pack's blocks.
struct BadBlock {
  std::uint32_t block = 0;                    ///< position in the pack's table
  std::optional<std::uint32_t> chunk_offset;  ///< only this chunk is wrong
  std::string why;
};

/// Looks at a pack's blocks while its bytes pass by: the hash in the table, and, where this slot
/// has the key, that the block opens, decompresses, and holds the chunks that the table says.
/// Memory: one sealed and one raw block, and a delta's bases. Used by one thread.
class BlockChecker {
 public:
  /// Both must outlive it.
  BlockChecker(const BlockTools& tools, const PackTable& table) : tools_(tools), table_(table) {}

  /// The pack's bytes in order.
  void append(std::uint64_t offset, ByteView piece);
  /// Blocks that never came are bad, too. Ascending by block.
  std::vector<BadBlock> finish();

  std::uint64_t opened() const { return opened_; }  ///< blocks
  std::uint64_t chunks() const { return chunks_; }  ///< whose id was computed

 private:
  void check(ByteView sealed);
  bool has_bases(const BlockInfo& info, Bytes& prefix);
  void check_chunks(const BlockInfo& info, ByteView raw);
  void add_bad(std::string why, std::optional<std::uint32_t> chunk_offset = std::nullopt);

  const BlockTools& tools_;
  const PackTable& table_;
  std::size_t next_ = 0;  // block
  std::uint64_t next_offset_ = kObjectPrefixBytes;
  Bytes carry_;  // the block's bytes from earlier pieces
  std::vector<BadBlock> bad_;
  std::uint64_t opened_ = 0;
  std::uint64_t chunks_ = 0;
};

}  // namespace coppice
