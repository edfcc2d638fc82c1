#include "verify/verify.h"

#include <fmt/format.h>

#include "access.h"
#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "progress.h"
#include "snapshot_choice.h"
#include "values.h"

namespace coppice {
namespace {

class VerifyCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("verify", "Prove the repository's integrity. Changes nothing.");
    syntax_->alias("check");
    syntax_->flag("--keyless", is_keyless_,
                  "without any key, on the storage box: every file against its name, the log");
    syntax_->flag("--read-data", read_data_, "read and open everything, not only the structure");
    syntax_->value("--read-data-subset", "n/t|x%|SIZE", subset_,
                   "the same for the n-th of t parts, x percent or SIZE of the packs");
    syntax_->value("--snapshot", "SNAPSHOT", snapshot_, "only what this snapshot needs");
    syntax_->value("--expect-head", "ID", head_,
                   "first digits of a log entry's hash, noted down earlier, that must be there");
    syntax_->footer(
        "The exit code is 0 only if nothing was found: 14 if all of it can be healed, else 13.\n\n"
        "Example:\n  coppice -r /mnt/disk/repo verify --read-data-subset 10%");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  VerifyOptions make_options() const;
  VerifyResult verify(const Invocation& invocation, VerifyOptions& options, std::string& head);

  std::optional<Syntax> syntax_;
  bool is_keyless_ = false, read_data_ = false;
  std::optional<std::string> subset_, snapshot_, head_;
};

VerifySample parse_sample(const std::string& text) {
  const std::string option = "--read-data-subset";
  if (const std::size_t slash = text.find('/'); slash != std::string::npos) {
    SamplePart part;
    part.parts = parse_number(option, text.substr(slash + 1), 1, 1'000'000);
    part.number = parse_number(option, text.substr(0, slash), 1, part.parts);
    return part;
  }
  if (text.ends_with('%')) {
    return SamplePercent{parse_percent(option, text.substr(0, text.size() - 1))};
  }
  return SampleBytes{parse_size(option, text)};
}

VerifyOptions VerifyCommand::make_options() const {
  if (is_keyless_ && snapshot_) {
    throw Error(ErrorKind::usage, "--keyless cannot tell what belongs to a --snapshot");
  }
  if (read_data_ && subset_) {
    throw Error(ErrorKind::usage, "give one of --read-data and --read-data-subset");
  }
  VerifyOptions options;
  options.read_data = read_data_ || subset_;
  if (subset_) options.sample = parse_sample(*subset_);
  if (head_) {
    const bool is_hex = head_->size() >= 8 && head_->size() <= 64 &&
                        head_->find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_hex) {
      throw Error(ErrorKind::usage, "--expect-head: 8 to 64 digits of lower-case hex");
    }
    options.expected_head = *head_;
  }
  return options;
}

VerifyResult VerifyCommand::verify(const Invocation& invocation, VerifyOptions& options,
                                   std::string& head) {
  ThreadPool pool(default_worker_count());
  if (is_keyless_) {
    const std::string path = repository_path(invocation);
    const StateDirectory state = find_state_directory(invocation, Access::read);
    const auto store = open_store(invocation, path, state, Access::read);
    const HostState host_state(state.path);
    options.host_state = &host_state;
    return verify_keyless(*store, pool, options, invocation.console);
  }
  OpenedRepository opened = open_repository(invocation, Access::read);
  if (snapshot_) {
    options.only_snapshot = choose_snapshot(invocation, opened, *snapshot_, {}).snapshot.id;
  }
  const LogState& state = opened.repository->state();
  if (state.last_hash) head = state.last_hash->hex();
  return verify_repository(*opened.repository, pool, options, invocation.console);
}

void print_json(Console& console, const VerifyResult& result, double seconds,
                const std::string& head) {
  Json summary = make_message("summary");
  summary["packs"] = result.packs;
  summary["blocks"] = result.blocks;
  summary["chunks"] = result.chunks;
  summary["snapshots"] = result.snapshots;
  summary["trees"] = result.trees;
  summary["bytes_read"] = result.bytes_read;
  summary["damaged"] = result.damaged;
  summary["healable"] = result.healable;
  summary["error_count"] = result.error_count;
  summary["num_errors"] = result.error_count;  // restic's key
  summary["head"] = head.empty() ? Json(nullptr) : Json(head);
  summary["total_duration"] = seconds;
  console.print_json(summary);
}

void VerifyCommand::run(const Invocation& invocation) {
  VerifyOptions options = make_options();
  Console& console = invocation.console;
  options.stop = &invocation.stop;
  ProgressDisplay meter(console);
  options.on_progress = [&](const VerifyProgress& progress) {
    ProgressState state{"verified", "objects"};
    state.files_done = progress.objects_done;
    state.files_total = progress.objects_total;
    state.bytes_done = progress.bytes_done;
    state.bytes_total = progress.bytes_total;
    state.error_count = console.finding_count();
    state.current = progress.current;
    meter.show(state);
  };
  std::string head;
  const VerifyResult result = verify(invocation, options, head);
  if (invocation.options.json) {
    return print_json(console, result, meter.seconds_elapsed(), head);
  }
  if (invocation.options.quiet) return;
  console.print(
      fmt::format("verified {} packs, {} snapshots, {} trees, {} blocks, {} chunks; read {}",
                  result.packs, result.snapshots, result.trees, result.blocks, result.chunks,
                  format_size(result.bytes_read)));
  if (!head.empty()) console.print("log head " + head.substr(0, 16) + " (for --expect-head)");
  console.print(result.error_count == 0
                    ? "no damage found"
                    : fmt::format("{} damaged, {} healable", result.damaged, result.healable));
}

}  // namespace

std::unique_ptr<Command> make_verify_command() { return std::make_unique<VerifyCommand>(); }

}  // namespace coppice
