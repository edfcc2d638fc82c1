#include "prune/prune.h"

#include "access.h"
#include "collecting.h"
#include "command.h"

namespace coppice {
namespace {

class PruneCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("prune", "Free what no snapshot needs.");
    words_.declare(*syntax_);
    syntax_->flag("-n,--dry-run", is_dry_run_, "only tell what would be done");
    syntax_->footer(
        "Backups may run at the same time, and never wait. With --wait DURATION prune waits for "
        "them.\n\nExample:\n  coppice -r /mnt/disk/repo prune --max-repack 50G");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  std::optional<Syntax> syntax_;
  PruneWords words_;
  bool is_dry_run_ = false;
};

void PruneCommand::run(const Invocation& invocation) {
  const PlanLimits limits = words_.limits();
  Console& console = invocation.console;
  OpenedRepository opened = open_repository(invocation, is_dry_run_ ? Access::read : Access::write);
  PruneOptions options = make_prune_options(invocation, opened);
  options.limits = limits;
  options.is_dry_run = is_dry_run_;
  const PruneResult result = run_prune(*opened.repository, options, console);
  if (invocation.options.json) {
    Json summary = make_message("summary");
    set_prune_result(summary, result, is_dry_run_);
    return console.print_json(summary);
  }
  if (!invocation.options.quiet) print_prune_result(console, result, is_dry_run_);
}

}  // namespace

std::unique_ptr<Command> make_prune_command() { return std::make_unique<PruneCommand>(); }

}  // namespace coppice
