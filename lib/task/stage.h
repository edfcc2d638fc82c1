#pragma once
#include <exception>
#include <functional>
#include <thread>

namespace coppice {

/// One pipeline stage with a thread of its own. What the stage throws is kept and thrown again by
/// `join`, so no error is lost at the thread boundary. `on_exit` runs in the stage's thread however
/// the body ends: it closes the stage's queues, so that its neighbours stop too.
class Stage {
 public:
  Stage(std::function<void()> body, std::function<void()> on_exit)
      : thread_([this, body = std::move(body), on_exit = std::move(on_exit)] {
          try {
            body();
          } catch (...) {
            error_ = std::current_exception();
          }
          on_exit();
        }) {}
  /// Waits; an error that nobody asked for with `join` is dropped, because the owner is already
  /// failing.
  ~Stage() {
    if (thread_.joinable()) thread_.join();
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Waits for the end and rethrows what the stage threw.
  void join() {
    if (thread_.joinable()) thread_.join();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  std::exception_ptr error_;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace coppice
