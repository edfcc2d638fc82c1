#include "task/ticker.h"

#include <doctest/doctest.h>

#include <future>

#include "task/counter.h"
#include "task/flag_table.h"
#include "task/thread_pool.h"

namespace coppice::test {
namespace {

TEST_CASE("a ticker ticks until it ends, and then no more") {
  Counter ticks;
  std::promise<void> third;
  {
    const Ticker ticker(std::chrono::milliseconds(1), [&] {
      if (ticks.add() == 2) third.set_value();
    });
    third.get_future().wait();
  }
  const std::uint64_t at_end = ticks.value();
  CHECK(at_end >= 3);
  CHECK(ticks.value() == at_end);
}

TEST_CASE("a ticker ends at once though its interval is long") {
  Counter ticks;
  {
    const Ticker ticker(std::chrono::hours(24), [&] { ticks.add(); });
  }
  CHECK(ticks.value() == 0);
}

TEST_CASE("flags that many threads raise are all up") {
  constexpr std::size_t kSize = 1000;
  FlagTable flags(kSize);
  ThreadPool pool(4);
  std::vector<std::future<void>> done;
  for (std::size_t first = 0; first < 4; ++first) {
    done.push_back(pool.submit(ThreadPool::Priority::normal, [&flags, first] {
      for (std::size_t at = first; at < kSize; at += 4) {
        if (at % 3 != 0) flags.raise(at);
      }
    }));
  }
  for (std::future<void>& task : done) task.get();
  for (std::size_t at = 0; at < kSize; ++at) REQUIRE(flags.is_raised(at) == (at % 3 != 0));
}

}  // namespace
}  // namespace coppice::test
