#include "signals.h"

#include <signal.h>

#include <atomic>
#include <cerrno>

namespace coppice {
namespace {

// The only global variables of the program: a signal handler gets no argument that could carry
// them.
StopFlag stop_flag;
std::atomic<pid_t> fed_by{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

extern "C" void handle_stop(int signal_number) {
  const int saved_errno = errno;
  stop_flag.request(signal_number);
  if (const pid_t child = fed_by.load(std::memory_order_relaxed); child > 0) {
    kill(child, signal_number);
  }
  errno = saved_errno;
}

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
  return stop_flag;
}

void forward_signals_to(pid_t child) { fed_by.store(child, std::memory_order_relaxed); }

}  // namespace coppice
