#pragma once
#include <list>
#include <memory>
#include <unordered_map>

#include "repo/block_source.h"
#include "repo/keyring.h"
#include "task/guarded.h"

namespace coppice {

/// Gets chunks by id, proving each by its id. A chunk with several places is tried at each until
/// the bytes match, so a forged or damaged place does no harm while a good one is left. Opened
/// blocks are kept in a small cache, for trees that are read in order. Thread-safe.
class ChunkReader {
 public:
  /// `cache_bytes` bounds the raw blocks that are kept.
  ChunkReader(BlockSource& blocks, const Keyring& keyring, std::uint64_t cache_bytes)
      : blocks_(blocks), keyring_(keyring), cache_(cache_bytes) {}

  /// Throws Error{damaged} if no place has the chunk, Error{no_key} if this slot may not read the
  /// class.
  Bytes get(ChunkClass chunk_class, const Id& id);

 private:
  /// Least recently used raw blocks. shared_ptr: a reader copies out of a block while another
  /// evicts it.
  class Cache {
   public:
    explicit Cache(std::uint64_t capacity) : capacity_(capacity) {}
    std::shared_ptr<const Bytes> find(std::uint64_t key);
    void insert(std::uint64_t key, std::shared_ptr<const Bytes> block);

   private:
    struct Entry {
      std::uint64_t key;
      std::shared_ptr<const Bytes> block;
    };
    std::uint64_t capacity_;
    std::uint64_t size_ = 0;
    std::list<Entry> entries_;  // newest first
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_key_;
  };

  std::shared_ptr<const Bytes> block_of(const ChunkPlace& place);

  BlockSource& blocks_;
  const Keyring& keyring_;
  Guarded<Cache> cache_;
};

}  // namespace coppice
