#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "task/bounded_queue.h"
#include "task/guarded.h"
#include "task/stage.h"
#include "task/thread_pool.h"

using namespace coppice;

TEST_CASE("results come out of a pool's futures in any case, and so do exceptions") {
  for (const unsigned threads : {1U, 4U}) {
    ThreadPool pool(threads);
    std::vector<std::future<int>> results;
    for (int i = 0; i < 100; ++i) {
      results.push_back(pool.submit(ThreadPool::Priority::normal, [i] { return i * i; }));
    }
    for (int i = 0; i < 100; ++i) CHECK(results[static_cast<std::size_t>(i)].get() == i * i);
    auto failing =
        pool.submit(ThreadPool::Priority::urgent, []() -> int { throw std::runtime_error("no"); });
    CHECK_THROWS_AS(failing.get(), std::runtime_error);
  }
}

TEST_CASE("a pool that is destroyed drops what has not started") {
  std::future<void> dropped;
  std::promise<void> started;
  std::promise<void> release;
  {
    auto pool = std::make_unique<ThreadPool>(1);
    auto running = pool->submit(ThreadPool::Priority::normal, [&] {
      started.set_value();
      release.get_future().wait();
    });
    started.get_future().wait();
    dropped = pool->submit(ThreadPool::Priority::normal, [] {});
    release.set_value();
    running.wait();
  }
  CHECK(dropped.valid());
}

TEST_CASE("a bounded queue hands over in order and stops both sides when closed") {
  BoundedQueue<int> queue(2);
  std::vector<int> seen;
  Stage consumer(
      [&] {
        while (auto value = queue.pop()) seen.push_back(*value);
      },
      [] {});
  for (int i = 0; i < 1000; ++i) CHECK(queue.push(i));
  queue.close();
  consumer.join();
  CHECK_FALSE(queue.push(1));
  REQUIRE(seen.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a stage's error is thrown by join, and its neighbours are released") {
  BoundedQueue<int> queue(1);
  Stage failing([] { throw std::runtime_error("broken"); }, [&] { queue.close(); });
  while (queue.push(1)) {
  }
  CHECK_THROWS_AS(failing.join(), std::runtime_error);
}

TEST_CASE("a guarded value is changed by one thread at a time") {
  Guarded<int> count(0);
  ThreadPool pool(4);
  std::vector<std::future<void>> done;
  for (int i = 0; i < 8; ++i) {
    done.push_back(pool.submit(ThreadPool::Priority::normal, [&] {
      for (int k = 0; k < 1000; ++k) count.with([](int& value) { ++value; });
    }));
  }
  for (auto& future : done) future.get();
  CHECK(count.with([](const int& value) { return value; }) == 8000);
}
