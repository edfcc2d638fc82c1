#pragma once
#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <unordered_map>

#include "pack/block_codec.h"
#include "task/guarded.h"

namespace coppice {

/// Raw blocks that were opened lately, so that a block that is needed again, as a base or by the
/// next tree, is opened once. Whoever comes while another thread opens a block waits for it.
/// Thread-safe. Memory: `capacity` bytes, and one block for each thread.
class BlockCache {
 public:
  /// shared_ptr: a reader copies out of a block while another evicts it.
  using Block = std::shared_ptr<const RawBlock>;

  explicit BlockCache(std::uint64_t capacity) : entries_(capacity) {}

  /// The block of that key, made by `load` if it is not there. Throws what `load` throws; nothing
  /// is then kept, and whoever waited for it calls its own `load`.
  Block get(std::uint64_t key, const std::function<RawBlock()>& load);

 private:
  /// Least recently used last.
  class Entries {
   public:
    explicit Entries(std::uint64_t capacity) : capacity_(capacity) {}
    /// The entry if there is one; else `coming` becomes it.
    std::shared_future<Block> find_or_add(std::uint64_t key,
                                          const std::shared_future<Block>& coming, bool& is_new);
    void settle(std::uint64_t key, std::uint64_t size);
    void drop(std::uint64_t key);

   private:
    struct Entry {
      std::uint64_t key = 0;
      std::uint64_t size = 0;  // 0: being opened
      std::shared_future<Block> block;
    };
    std::uint64_t capacity_;
    std::uint64_t size_ = 0;
    std::list<Entry> entries_;
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_key_;
  };

  Guarded<Entries> entries_;
};

}  // namespace coppice
