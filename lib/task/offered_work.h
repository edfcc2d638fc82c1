#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "task/thread_pool.h"

namespace coppice {

/// What a task of a pool has to do, offered to idle workers of the same pool, and done by the task
/// itself as far as nobody takes it. So a task can share its work and still wait for its end: it
/// waits for what somebody is doing already, never for what is queued. To be used by one thread;
/// the work runs on any.
class OfferedWork {
 public:
  /// At most `limit` pieces of work are not done at any time; what they hold is the caller's to
  /// count.
  OfferedWork(ThreadPool& pool, std::size_t limit) : pool_(pool), limit_(limit) {}
  /// Waits for what is being done, and drops the rest.
  ~OfferedWork() {
    for (const auto& offer : offers_) {
      if (!offer->is_taken.exchange(true)) continue;
      offer->done.wait();
    }
  }
  OfferedWork(const OfferedWork&) = delete;
  OfferedWork& operator=(const OfferedWork&) = delete;

  /// Throws what earlier work threw; then nothing is offered.
  void offer(std::function<void()> work) {
    while (offers_.size() >= limit_) settle_one();
    const auto offer = std::make_shared<Offer>(std::move(work));
    offers_.push_back(offer);
    pool_.submit(ThreadPool::Priority::urgent, [offer] { offer->try_to_do(); });
  }

  /// Does what is left, and waits for the rest. Throws what work threw.
  void finish() {
    while (!offers_.empty()) settle_one();
  }

 private:
  struct Offer {
    explicit Offer(std::function<void()> what) : work(std::move(what)), done(work.get_future()) {}

    /// False if another thread does it, or has done it.
    bool try_to_do() {
      if (is_taken.exchange(true)) return false;
      work();
      work = {};  // with all that it holds: the pool's queue may keep the offer for long
      return true;
    }

    std::packaged_task<void()> work;
    std::future<void> done;
    std::atomic<bool> is_taken = false;
  };

  /// Does the oldest that nobody has taken, if there is one; then the oldest of all is gone.
  void settle_one() {
    for (const auto& offer : offers_) {
      if (offer->try_to_do()) break;
    }
    const std::shared_ptr<Offer> oldest = std::move(offers_.front());
    offers_.pop_front();
    oldest->done.get();
  }

  ThreadPool& pool_;
  const std::size_t limit_;
  std::deque<std::shared_ptr<Offer>> offers_;  // ascending by age
};

}  // namespace coppice
