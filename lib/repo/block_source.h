#pragma once
#include <cstdint>
#include <functional>
#include <set>

#include "index/index.h"
#include "pack/block_codec.h"
#include "repo/block_cache.h"
#include "repo/object_healer.h"
#include "repo/session_secrets.h"
#include "store/store.h"
#include "task/checkout_pool.h"
#include "task/counter.h"
#include "task/guarded.h"

namespace coppice {

/// How the bases of a delta are proved to be what their ids say.
enum class BaseProof {
  by_id,  ///< each base, before it is used: a forged place does no harm while a good one is left
  by_result,  ///< not: for those who prove what comes out, and ask again by_id if it is wrong
};

/// Reads and opens blocks where the index says they lie. A small pack that is damaged or missing is
/// read from its second copy; of a large one that is damaged, what parity rebuilds. Bases of
/// deltas, and what is asked for through the cache, are kept there for a while. Thread-safe.
class BlockSource {
 public:
  /// `cache_bytes` bounds the raw blocks that are kept.
  BlockSource(Store& store, const Index& index, SessionSecrets& secrets,
              std::uint64_t cache_bytes = kCacheBytes)
      : store_(store), index_(index), secrets_(secrets), cache_(cache_bytes), healer_(store) {}

  /// Enough for the bases of the blocks that a few workers have in hand.
  static constexpr std::uint64_t kCacheBytes = 32ULL << 20;

  /// The raw bytes of the block that holds `place`; bases of a delta are read as well (depth one).
  /// Throws Error{damaged} naming the pack, Error{no_key}.
  RawBlock read(const ChunkPlace& place, BaseProof proof = BaseProof::by_id);
  /// The same through the cache: for what is likely to be asked for again.
  BlockCache::Block read_cached(const ChunkPlace& place);

  /// Appends the bytes of a base, proved by its id, from the first of its plain places that has
  /// them: a damaged or forged place does no harm while a good one is left. Throws Error{damaged}
  /// if none is, or if the prefix grows beyond kMaxPrefixBytes.
  void append_base(ChunkClass chunk_class, const Id& id, Bytes& prefix) {
    append_base(chunk_class, id, BaseProof::by_id, prefix);
  }

  /// How many blocks came from a second copy or by parity because they were damaged.
  std::uint64_t healed_blocks() const { return healed_.value(); }
  /// The packs that these are in.
  std::set<Id> healed_packs() const {
    return healed_packs_.with([](const std::set<Id>& packs) { return packs; });
  }
  const Index& index() const { return index_; }

 private:
  using ReadSealed = std::function<void(std::uint64_t offset, MutableByteView out)>;
  RawBlock open(const ChunkPlace& place, const ReadSealed& read_sealed, ByteView prefix);
  RawBlock open_healed(const ChunkPlace& place, ByteView prefix);
  Bytes read_prefix(const ChunkPlace& place, BaseProof proof);
  void append_base(ChunkClass chunk_class, const Id& id, BaseProof proof, Bytes& prefix);
  /// The bytes of a plain place, if they are what the id says.
  bool append_place(const ChunkPlace& place, ChunkClass chunk_class, const Id& id, BaseProof proof,
                    Bytes& prefix);

  Store& store_;
  const Index& index_;
  SessionSecrets& secrets_;
  BlockCache cache_;
  CheckoutPool<BlockOpener> openers_;
  ObjectHealer healer_;
  Counter healed_;
  Guarded<std::set<Id>> healed_packs_;
};

}  // namespace coppice
