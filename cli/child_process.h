#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/stop.h"
#include "fs/fd.h"

namespace coppice {

/// A command whose stdout we read; its stdin and stderr are ours. While it lives, stop signals are
/// handed on to it. At most one at a time.
class ChildProcess {
 public:
  /// `words` are program (looked up in PATH) and arguments; at least one. Throws Error{failed} if
  /// it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& words);
  /// Ends it if it runs still.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int output() const { return output_.get(); }
  /// Waits for its end. Throws Error{interrupted} if a stop was requested, Error{kind} unless it
  /// exited with 0.
  void expect_success(const StopFlag& stop, ErrorKind kind = ErrorKind::failed);

 private:
  int wait();

  std::string name_;
  Fd output_;
  pid_t child_ = 0;
};

}  // namespace coppice
