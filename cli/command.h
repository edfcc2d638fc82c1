#pragma once
#include <memory>
#include <vector>

#include "base/stop.h"
#include "console.h"
#include "global_options.h"
#include "syntax.h"

namespace coppice {

inline constexpr const char* kProgram = "coppice " COPPICE_VERSION;

/// What a command works with.
struct Invocation {
  const GlobalOptions& options;
  Console& console;
  const StopFlag& stop;
  const CommandLine& line;
};

/// A command of the program: words to calls, results to text. Throws Error for what ends it; what
/// it merely finds goes to the console and makes the exit code.
class Command {
 public:
  Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  virtual ~Command() = default;

  /// Adds itself to the program; called once.
  virtual void declare(Syntax& program) = 0;
  /// After the command line was read.
  virtual bool is_chosen() const = 0;
  virtual void run(const Invocation& invocation) = 0;
  /// True if printing is all it does: when its reader is gone, there is nothing left to do.
  virtual bool only_prints() const { return false; }
};

std::unique_ptr<Command> make_init_command();
std::unique_ptr<Command> make_backup_command();
std::unique_ptr<Command> make_snapshots_command();
std::unique_ptr<Command> make_ls_command();
std::unique_ptr<Command> make_restore_command();
std::unique_ptr<Command> make_dump_command();
std::unique_ptr<Command> make_verify_command();
std::unique_ptr<Command> make_repair_command();
std::unique_ptr<Command> make_stats_command();
std::unique_ptr<Command> make_forget_command();
std::unique_ptr<Command> make_undelete_command();
std::unique_ptr<Command> make_prune_command();
std::unique_ptr<Command> make_key_command();
std::unique_ptr<Command> make_benchmark_command();
std::unique_ptr<Command> make_completion_command();
std::unique_ptr<Command> make_version_command();

/// All commands, as help lists them.
std::vector<std::unique_ptr<Command>> make_commands();

}  // namespace coppice
