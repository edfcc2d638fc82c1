#include "restore/dump.h"

#include <unistd.h>

#include "access.h"
#include "command.h"
#include "snapshot_choice.h"
#include "values.h"

namespace coppice {
namespace {

class DumpCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("dump", "Write one file of a snapshot to stdout.");
    syntax_->required_operand("SNAPSHOT", snapshot_, "id, latest, latest~N, or SNAPSHOT:PATH");
    syntax_->operand("PATH", path_, "the file, as `ls` shows it");
    wishes_.declare(*syntax_);
    syntax_->footer("Example:\n  coppice -r /mnt/disk/repo dump latest /srv/db.sql | psql");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override;

 private:
  std::optional<Syntax> syntax_;
  std::string snapshot_;
  std::optional<std::string> path_;
  SnapshotWishes wishes_;
};

void DumpCommand::run(const Invocation& invocation) {
  const bool has_path = split_snapshot_path(snapshot_).path.has_value();
  if (has_path == path_.has_value()) {
    throw Error(ErrorKind::usage, has_path ? "the path is named twice" : "dump needs a PATH");
  }
  if (path_ && !path_->starts_with('/')) {
    throw Error(ErrorKind::usage, "the path in a snapshot must begin with /");
  }
  OpenedRepository opened = open_repository(invocation, Access::read);
  const ChosenSnapshot chosen = choose_snapshot(invocation, opened, snapshot_, wishes_);
  const DumpOptions options{opened.index_cache_directory, &invocation.stop};
  dump_file(*opened.repository, chosen.snapshot.record.root,
            absolute_path(path_ ? *path_ : *chosen.path), STDOUT_FILENO, options,
            invocation.console);
}

}  // namespace

std::unique_ptr<Command> make_dump_command() { return std::make_unique<DumpCommand>(); }

}  // namespace coppice
