#include "task/offered_work.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "task/thread_pool.h"

using namespace coppice;

TEST_CASE("a task does itself what no worker takes") {
  for (const unsigned threads : {1U, 3U}) {
    ThreadPool pool(threads);
    std::atomic<int> done = 0;
    std::vector<std::future<void>> tasks;
    // As many tasks as workers, and more: nobody is idle for long.
    for (int i = 0; i < 8; ++i) {
      tasks.push_back(pool.submit(ThreadPool::Priority::normal, [&] {
        OfferedWork work(pool, 2);
        for (int k = 0; k < 50; ++k) work.offer([&] { ++done; });
        work.finish();
      }));
    }
    for (auto& task : tasks) task.get();
    CHECK(done == 8 * 50);
  }
}

TEST_CASE("an idle worker takes what is offered") {
  ThreadPool pool(1);
  std::promise<void> started;
  OfferedWork work(pool, 2);
  work.offer([&] { started.set_value(); });
  started.get_future().wait();  // before anybody calls `finish`
  work.finish();
}

TEST_CASE("what offered work throws comes out of finish, or of a later offer") {
  ThreadPool pool(1);
  const auto fail = [] { throw std::runtime_error("no"); };
  {
    OfferedWork work(pool, 2);
    work.offer(fail);
    CHECK_THROWS_AS(work.finish(), std::runtime_error);
    work.finish();
  }
  OfferedWork work(pool, 1);
  work.offer(fail);
  CHECK_THROWS_AS(work.offer([] {}), std::runtime_error);
}

TEST_CASE("what has not begun when the offer is withdrawn is never done") {
  ThreadPool pool(1);
  std::promise<void> started;
  std::promise<void> release;
  auto busy = pool.submit(ThreadPool::Priority::normal, [&] {
    started.set_value();
    release.get_future().wait();
  });
  started.get_future().wait();
  std::atomic<int> done = 0;
  {
    OfferedWork work(pool, 2);
    work.offer([&] { ++done; });
  }
  release.set_value();
  pool.submit(ThreadPool::Priority::normal, [] {}).get();
  CHECK(done == 0);
}
