#include "child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "signals.h"

namespace coppice {
namespace {

/// What posix_spawn is told, undone at the end.
struct SpawnPlan {
  explicit SpawnPlan(int output) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t by_default;
    sigemptyset(&by_default);
    sigaddset(&by_default, SIGPIPE);  // we ignore both, and children would inherit that
    sigaddset(&by_default, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attributes, &by_default);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& words) : name_(words.front()) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw system_error("pipe", errno);
  output_ = Fd(ends[0]);
  const Fd input(ends[1]);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const SpawnPlan plan(input.get());
  const int error = posix_spawnp(&child_, arguments.front(), &plan.actions, &plan.attributes,
                                 arguments.data(), environ);
  if (error != 0) {
    child_ = 0;
    throw system_error("cannot start " + escape_for_display(name_), error);
  }
  forward_signals_to(child_);
}

ChildProcess::~ChildProcess() {
  output_ = Fd();
  if (child_ == 0) return;
  kill(child_, SIGTERM);
  wait();
}

int ChildProcess::wait() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  forward_signals_to(0);
  child_ = 0;
  return status;
}

void ChildProcess::expect_success(const StopFlag& stop, ErrorKind kind) {
  const int status = wait();
  stop.check();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const std::string name = escape_for_display(name_);
  if (WIFSIGNALED(status)) {
    throw Error(kind, name + " was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                          strsignal(WTERMSIG(status)) + ")");
  }
  throw Error(kind, name + " failed with exit code " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace coppice
