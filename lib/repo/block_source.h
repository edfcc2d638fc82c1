#pragma once
#include <functional>

#include "index/index.h"
#include "pack/block_codec.h"
#include "repo/session_secrets.h"
#include "store/store.h"
#include "task/checkout_pool.h"
#include "task/counter.h"

namespace coppice {

/// Reads and opens blocks where the index says they lie. A small pack that is damaged or missing is
/// read from its second copy. Thread-safe.
class BlockSource {
 public:
  BlockSource(Store& store, const Index& index, SessionSecrets& secrets)
      : store_(store), index_(index), secrets_(secrets) {}

  /// The raw bytes of the block that holds `place`; bases of a delta are read as well (depth one).
  /// Throws Error{damaged} naming the pack, Error{no_key}.
  Bytes read(const ChunkPlace& place);

  /// How many blocks came from a second copy because the first was damaged.
  std::uint64_t healed_blocks() const { return healed_.value(); }
  const Index& index() const { return index_; }

 private:
  Bytes open(const ChunkPlace& place, const std::string& object, ByteView prefix);
  Bytes read_prefix(const ChunkPlace& place);
  Bytes read_base(ChunkClass chunk_class, const Id& id);

  Store& store_;
  const Index& index_;
  SessionSecrets& secrets_;
  CheckoutPool<BlockOpener> openers_;
  Counter healed_;
};

}  // namespace coppice
