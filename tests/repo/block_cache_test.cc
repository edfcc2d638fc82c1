#include "repo/block_cache.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/thrown_error.h"

namespace coppice::test {
namespace {

/// Opens blocks of a hundred bytes, each filled with its key, and counts.
struct CountedLoads {
  int count = 0;

  std::function<RawBlock()> of(std::uint64_t key, std::size_t size = 100) {
    return [this, key, size] {
      ++count;
      return RawBlock(size, static_cast<std::uint8_t>(key));
    };
  }
};

}  // namespace

TEST_CASE("a block that is asked for again is not opened again") {
  BlockCache cache(1000);
  CountedLoads loads;
  const BlockCache::Block first = cache.get(7, loads.of(7));
  const BlockCache::Block again = cache.get(7, loads.of(7));
  CHECK(*first == RawBlock(100, 7));
  CHECK(first == again);
  CHECK(loads.count == 1);
  CHECK(*cache.get(8, loads.of(8)) == RawBlock(100, 8));
  CHECK(loads.count == 2);
}

TEST_CASE("when there is no room the block that was not used for longest goes") {
  BlockCache cache(300);
  CountedLoads loads;
  for (const std::uint64_t key : {1U, 2U, 3U}) cache.get(key, loads.of(key));
  cache.get(1, loads.of(1));
  REQUIRE(loads.count == 3);  // 300 bytes have room
  cache.get(4, loads.of(4));  // 2 goes
  CHECK(loads.count == 4);
  for (const std::uint64_t key : {1U, 3U, 4U}) cache.get(key, loads.of(key));
  CHECK(loads.count == 4);
  cache.get(2, loads.of(2));
  CHECK(loads.count == 5);
}

TEST_CASE("a block that is evicted stays with whoever has it in hand") {
  BlockCache cache(100);
  CountedLoads loads;
  const BlockCache::Block held = cache.get(1, loads.of(1));
  cache.get(2, loads.of(2));
  CHECK(*held == RawBlock(100, 1));
  cache.get(1, loads.of(1));
  CHECK(loads.count == 3);
}

TEST_CASE("a block above the capacity is given out and makes room for the next") {
  BlockCache cache(100);
  CountedLoads loads;
  CHECK(cache.get(1, loads.of(1, 5000))->size() == 5000);
  cache.get(2, loads.of(2));
  cache.get(2, loads.of(2));
  CHECK(loads.count == 2);
  cache.get(1, loads.of(1, 5000));
  CHECK(loads.count == 3);
  BlockCache none(0);
  CHECK(none.get(1, loads.of(1))->size() == 100);
  CHECK(none.get(2, loads.of(2))->size() == 100);
}

TEST_CASE("a block that could not be opened is not kept, and the next one who asks tries again") {
  BlockCache cache(1000);
  CountedLoads loads;
  cache.get(1, loads.of(1));
  for (int i = 0; i < 3; ++i) {
    const Error error =
        error_of([&] { cache.get(2, []() -> RawBlock { throw_damaged("broken"); }); });
    CHECK(error.kind() == ErrorKind::damaged);
    CHECK(std::string(error.what()) == "broken");
  }
  CHECK(*cache.get(2, loads.of(2)) == RawBlock(100, 2));
  cache.get(1, loads.of(1));
  cache.get(2, loads.of(2));
  CHECK(loads.count == 2);
}

TEST_CASE("a delta that is being opened stays while its bases come and go") {
  BlockCache cache(200);
  CountedLoads loads;
  const auto open_delta = [&] {
    for (const std::uint64_t base : {10U, 11U, 12U}) cache.get(base, loads.of(base));
    return RawBlock(50, 1);
  };
  cache.get(1, open_delta);
  CHECK(loads.count == 3);
  cache.get(1, [&]() -> RawBlock {
    FAIL("opened again");
    return {};
  });
  // The delta and the newest base fit into 200 bytes, the others do not.
  cache.get(12, loads.of(12));
  CHECK(loads.count == 3);
  cache.get(10, loads.of(10));
  CHECK(loads.count == 4);
}

TEST_CASE("an error while a base is opened leaves neither the delta nor the base") {
  BlockCache cache(200);
  bool is_broken = true;
  const auto open_base = [&]() -> RawBlock {
    if (is_broken) throw_damaged("broken base");
    return RawBlock(10, 2);
  };
  const auto open_delta = [&] { return *cache.get(2, open_base); };
  CHECK(kind_of([&] { cache.get(1, open_delta); }) == ErrorKind::damaged);
  is_broken = false;
  CHECK(cache.get(1, open_delta)->size() == 10);
}

TEST_CASE("whoever comes while a block is opened gets that block, opened once") {
  constexpr std::size_t kThreads = 6;
  BlockCache cache(1000);
  std::atomic<int> loads = 0;
  std::promise<void> is_opening;
  std::promise<void> may_end;
  std::vector<BlockCache::Block> blocks(kThreads);
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    blocks[0] = cache.get(1, [&] {
      ++loads;
      is_opening.set_value();
      may_end.get_future().wait();
      return RawBlock(100, 1);
    });
  });
  is_opening.get_future().wait();
  for (std::size_t i = 1; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      blocks[i] = cache.get(1, [&] {
        ++loads;
        return RawBlock(100, 2);
      });
    });
  }
  may_end.set_value();
  for (std::thread& thread : threads) thread.join();
  CHECK(loads == 1);
  for (const BlockCache::Block& block : blocks) CHECK(block == blocks[0]);
}

TEST_CASE("many threads on a small cache each get the blocks that they ask for") {
  constexpr std::uint64_t kKeys = 16;
  BlockCache cache(500);
  std::atomic<int> wrong = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> errors = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 2000; ++i) {
        const std::uint64_t key = (i * 7 + t * 3) % kKeys;
        try {
          const BlockCache::Block block = cache.get(key, [&]() -> RawBlock {
            if (i % 50 == 0) {
              ++failed;
              throw_damaged("now and then");
            }
            return RawBlock(100, static_cast<std::uint8_t>(key));
          });
          if (*block != RawBlock(100, static_cast<std::uint8_t>(key))) ++wrong;
        } catch (const Error&) {
          ++errors;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(failed > 0);
  CHECK(errors >= failed);
}

}  // namespace coppice::test
