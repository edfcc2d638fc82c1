#include "signals.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace coppice {
namespace {

// The only global variables of the program: a signal handler gets no argument that could carry
// them.
StopFlag stop_flag;
std::atomic<pid_t> fed_by{0};
std::atomic<int> input_to_end{-1};
std::atomic<int> empty_input{-1};  // /dev/null
std::atomic<pthread_t> reader{};   // the thread that reads the input
static_assert(std::atomic<pid_t>::is_always_lock_free);
static_assert(std::atomic<pthread_t>::is_always_lock_free);

constexpr int kInterruptRead = SIGURG;  // who sends it by mistake does no harm: it is ignored else

extern "C" void handle_stop(int signal_number) {
  const int saved_errno = errno;
  stop_flag.request(signal_number);
  if (const pid_t child = fed_by.load(std::memory_order_relaxed); child > 0) {
    kill(child, signal_number);
  }
  // The read that waits is interrupted, begins again and finds the end. Linux gives a signal to the
  // main thread as a rule, but to another one that is about to enter the kernel when it comes: then
  // the read would go on waiting, unless it is interrupted once more.
  const int input = input_to_end.load(std::memory_order_acquire);
  if (input >= 0) {
    dup2(empty_input.load(std::memory_order_relaxed), input);
    const pthread_t waiting = reader.load(std::memory_order_relaxed);
    if (pthread_equal(waiting, pthread_self()) == 0) pthread_kill(waiting, kInterruptRead);
  }
  errno = saved_errno;
}

extern "C" void do_nothing(int /*signal_number*/) {}

}  // namespace

const StopFlag& install_signal_handlers() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old {};
    sigaction(number, nullptr, &old);
    if (old.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = handle_stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, nullptr);
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  sigaction(SIGXFSZ, &ignore, nullptr);  // so that a limit on file sizes fails a write: EFBIG
  return stop_flag;
}

void forward_signals_to(pid_t child) { fed_by.store(child, std::memory_order_relaxed); }

void end_input_on_stop(int input) {
  empty_input.store(open("/dev/null", O_RDONLY | O_CLOEXEC), std::memory_order_relaxed);
  reader.store(pthread_self(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = do_nothing;  // without SA_RESTART: a read ends with EINTR
  sigemptyset(&action.sa_mask);
  sigaction(kInterruptRead, &action, nullptr);
  input_to_end.store(input, std::memory_order_release);
}

}  // namespace coppice
