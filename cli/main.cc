#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "command.h"
#include "fs/write_file.h"
#include "signals.h"
#include "task/thread_pool.h"

namespace coppice {
namespace {

/// The pipelines take and free buffers of about 1 MiB all the time. glibc would map and unmap each,
/// and the kernel zero its pages anew: a tenth of a backup's time. So they come from arenas:
/// - 32 MiB is the highest threshold that mallopt takes on 64 bits (HEAP_MAX_SIZE / 2); anything
///   above is refused, and then the next call would fix the threshold at its 128 KiB.
/// - An arena gives back what lies free at its top beyond 128 MiB, half of what the program may
/// use.
/// - Free memory in one arena does not help another, so there are few, however many cores.
void tune_allocator() {
  constexpr int kMiBytes = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * kMiBytes);
  mallopt(M_TRIM_THRESHOLD, 128 * kMiBytes);
  mallopt(M_ARENA_MAX, static_cast<int>(std::min(8U, 2 * available_processors())));
}

int exit_code_of(const Error& error, const StopFlag& stop) {
  if (error.kind() == ErrorKind::interrupted && stop.signal_number() != 0) {
    return 128 + stop.signal_number();
  }
  return exit_code(error.kind());
}

/// Before the words are understood one must know how to complain about them.
bool wants_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc,
                     [](const char* word) { return std::string_view(word) == "--json"; });
}

constexpr int kPipeClosed = 141;  // what a shell shows for a program that SIGPIPE ended

class Program {
 public:
  Program() : line_("coppice", "Backup and disaster recovery to a local or mounted target.") {
    Syntax syntax = line_.syntax();
    options_.declare(syntax);
    for (const auto& command : commands_) command->declare(syntax);
    syntax.require_command();
    syntax.footer(
        "Example:\n  coppice -r /mnt/disk/repo init\n  coppice -r /mnt/disk/repo backup /home\n"
        "More about one command: coppice COMMAND --help");
  }

  int run(int argc, char** argv) {
    ConsoleStyle early;
    early.json = wants_json(argc, argv);
    console_.emplace(early);
    if (const auto help = line_.parse(argc, argv)) {
      console_->print_raw(*help);
      console_->finish();
      return 0;
    }
    options_.take_environment();
    console_.emplace(options_.style());
    for (const std::string& name : options_.unknown_variables) {
      console_->note("unknown_variable", name + " is set, but coppice knows no such variable");
    }
    chosen_ = std::find_if(commands_.begin(), commands_.end(), [](const auto& command) {
                return command->is_chosen();
              })->get();
    chosen_->run({options_, *console_, stop_, line_});
    console_->finish();
    if (chosen_->only_prints() && console_->has_lost_output()) return kPipeClosed;
    const int code = console_->exit_code();
    if (code != 0) console_->tell_unclean(code);
    return code;
  }

  /// Says why the run failed; the exit code.
  int fail(const Error& error) {
    if (chosen_ != nullptr && chosen_->only_prints() && console_->is_reader_gone()) {
      return kPipeClosed;
    }
    const int code = exit_code_of(error, stop_);
    console_->fail(error, code);
    return code;
  }

 private:
  const StopFlag& stop_ = install_signal_handlers();
  CommandLine line_;
  GlobalOptions options_;
  std::vector<std::unique_ptr<Command>> commands_ = make_commands();
  std::optional<Console> console_;
  Command* chosen_ = nullptr;
};

}  // namespace

std::vector<std::unique_ptr<Command>> make_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_init_command());
  commands.push_back(make_backup_command());
  commands.push_back(make_snapshots_command());
  commands.push_back(make_ls_command());
  commands.push_back(make_restore_command());
  commands.push_back(make_dump_command());
  commands.push_back(make_verify_command());
  commands.push_back(make_repair_command());
  commands.push_back(make_stats_command());
  commands.push_back(make_forget_command());
  commands.push_back(make_undelete_command());
  commands.push_back(make_prune_command());
  commands.push_back(make_key_command());
  commands.push_back(make_benchmark_command());
  commands.push_back(make_completion_command());
  commands.push_back(make_version_command());
  return commands;
}

}  // namespace coppice

int main(int argc, char** argv) {
  // A mask that takes the user's own rights would lock him out of the directories that are made.
  ::umask(::umask(0) & ~static_cast<mode_t>(S_IRWXU));
  coppice::tune_allocator();
  coppice::raise_open_file_limit();
  coppice::Program program;
  try {
    return program.run(argc, argv);
  } catch (const coppice::Error& error) {
    return program.fail(error);
  } catch (const std::exception& error) {  // no memory, or a fault of ours
    return program.fail(coppice::Error(coppice::ErrorKind::failed, error.what()));
  }
}
