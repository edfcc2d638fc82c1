#pragma once
#include <functional>
#include <future>
#include <memory>
#include <type_traits>

namespace coppice {

/// A fixed set of worker threads with two queues: urgent work (which frees memory: sealing,
/// writing) goes before normal work (which takes memory: reading, scanning). Tasks must not wait
/// for other tasks of the same pool (but see OfferedWork). The queues are not bounded: whoever
/// submits bounds what it has in flight. Thread-safe. The destructor drops tasks that have not
/// started and joins the rest.
class ThreadPool {
 public:
  enum class Priority { normal, urgent };

  /// Requires threads >= 1.
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned threads() const;

  /// Runs `work` on some worker; what it returns or throws comes out of the future. A dropped
  /// task's future throws std::future_error, which only a job that is already failing can see.
  template <typename Work>
  auto submit(Priority priority, Work work) -> std::future<std::invoke_result_t<Work&>> {
    using Result = std::invoke_result_t<Work&>;
    // shared_ptr because std::function must be copyable and a packaged_task is not; there is one
    // owner at a time.
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
    std::future<Result> result = task->get_future();
    enqueue(priority, [task] { (*task)(); });
    return result;
  }

 private:
  void enqueue(Priority priority, std::function<void()> work);

  struct State;
  std::unique_ptr<State> state_;
};

/// Number of processors that this process may run on, at least 1.
unsigned available_processors();

/// Workers for a job: one a processor, at most 8. What a worker has in flight is a few MiB, and all
/// of it must fit the promised 256 MiB on any machine; eight saturate the disks that targets have.
unsigned default_worker_count();

}  // namespace coppice
