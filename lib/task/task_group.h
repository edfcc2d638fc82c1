#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/error.h"
#include "task/thread_pool.h"

namespace coppice {

/// The tasks that one job has in a pool. The destructor waits until none of them runs, so tasks may
/// refer to whatever outlives the group; tasks that have not started by then do nothing.
/// Thread-safe.
class TaskGroup {
 public:
  explicit TaskGroup(ThreadPool& pool) : pool_(pool) {}
  ~TaskGroup() {
    is_cancelled_.store(true, std::memory_order_relaxed);
    wait();
  }
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  unsigned threads() const { return pool_.threads(); }

  template <typename Work>
  auto submit(ThreadPool::Priority priority, Work work)
      -> std::future<std::invoke_result_t<Work&>> {
    begin();
    try {
      return pool_.submit(priority, [this, work = std::move(work)]() mutable {
        const Ending ending(*this);
        if (is_cancelled_.load(std::memory_order_relaxed))
          throw Error(ErrorKind::interrupted, "stopped");
        return work();
      });
    } catch (...) {
      end();
      throw;
    }
  }

  /// Waits until all tasks submitted so far have ended.
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  struct Ending {
    explicit Ending(TaskGroup& owner) : group(owner) {}
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
    ~Ending() { group.end(); }
    TaskGroup& group;
  };

  void begin() {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) ended_.notify_all();
  }

  ThreadPool& pool_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;
  std::atomic<bool> is_cancelled_{false};
};

}  // namespace coppice
