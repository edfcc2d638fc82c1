#include "task/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace coppice {

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> urgent;
  std::deque<std::function<void()>> normal;
  bool is_closing = false;
  std::vector<std::thread> threads;

  void run() {
    for (;;) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [this] { return is_closing || !urgent.empty() || !normal.empty(); });
        if (is_closing) return;
        auto& queue = urgent.empty() ? normal : urgent;
        work = std::move(queue.front());
        queue.pop_front();
      }
      work();
    }
  }
};

ThreadPool::ThreadPool(unsigned threads) : state_(std::make_unique<State>()) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->run(); });
  }
}

ThreadPool::~ThreadPool() {
  std::deque<std::function<void()>> dropped_urgent;
  std::deque<std::function<void()>> dropped_normal;
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_closing = true;
    // Swapped out, so that their promises break outside the lock.
    dropped_urgent.swap(state_->urgent);
    dropped_normal.swap(state_->normal);
  }
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

unsigned ThreadPool::threads() const { return static_cast<unsigned>(state_->threads.size()); }

void ThreadPool::enqueue(Priority priority, std::function<void()> work) {
  {
    const std::lock_guard lock(state_->mutex);
    (priority == Priority::urgent ? state_->urgent : state_->normal).push_back(std::move(work));
  }
  state_->wake.notify_one();
}

unsigned available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<unsigned>(std::max(CPU_COUNT(&set), 1));
  }
  return std::max(std::thread::hardware_concurrency(), 1U);
}

unsigned default_worker_count() { return std::min(available_processors(), 8U); }

}  // namespace coppice
