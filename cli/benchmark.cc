#include "benchmark/benchmark.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "fs/scratch_file.h"
#include "progress.h"
#include "values.h"

namespace coppice {
namespace {

constexpr double kManyBytes = 100e9;
constexpr double kManyFiles = 1e6;
constexpr int kUsualLevel = 3;

class BenchmarkCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("benchmark", "Measure this machine, and say what to expect of it.");
    syntax_->value("--disk", "DIR", disk_,
                   "directory whose disk is measured (default: the repository's, if one is named, "
                   "else $TMPDIR or /var/tmp)");
    syntax_->value("--tree", "DIR", tree_,
                   "files whose looking through is measured (default /usr)");
    syntax_->flag("--quick", is_quick_, "a quarter of the time, with less certain figures");
    syntax_->footer("Example:\n  coppice -r /mnt/disk/repo benchmark --tree /home");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override;

 private:
  std::string disk_directory(const GlobalOptions& options) const;

  std::optional<Syntax> syntax_;
  std::optional<std::string> disk_;
  std::optional<std::string> tree_;
  bool is_quick_ = false;
};

std::string BenchmarkCommand::disk_directory(const GlobalOptions& options) const {
  if (disk_) return absolute_path(*disk_);
  if (options.repository) return absolute_path(*options.repository);
  return scratch_directory();
}

struct NamedSpeed {
  const char* name;    ///< in JSON
  const char* words;   ///< for people
  const Speed& speed;  ///< bytes
};

std::vector<NamedSpeed> named_speeds(const ProcessorSpeeds& processor) {
  return {{"chunking", "cutting into chunks", processor.chunk},
          {"hashing", "naming chunks (BLAKE3)", processor.hash},
          {"sealing", "sealing and reading back", processor.seal},
          {"parity", "parity", processor.parity},
          {"opening", "opening", processor.open},
          {"decompression", "decompressing text", processor.decompress}};
}

struct NamedExpectation {
  const char* name;
  const char* words;
  Expectation expected;
};

std::vector<NamedExpectation> expectations(const MachineFigures& figures) {
  const LevelSpeed& level = find_level(figures.processor, kUsualLevel);
  return {{"first_backup_text", "first backup of 100 GB of source text",
           expect_text_backup(figures, level, kManyBytes)},
          {"first_backup_incompressible", "first backup of 100 GB that does not compress",
           expect_noise_backup(figures, kManyBytes)},
          {"unchanged_files", "backup of a million files that are unchanged",
           expect_unchanged(figures, kManyFiles)},
          {"restore_text", "restore of 100 GB of text to this disk",
           expect_restore(figures, level, kManyBytes)}};
}

// ---- JSON

void set_speed(Json& object, const char* unit, const Speed& speed) {
  object[fmt::format("{}_per_second_core", unit)] = speed.one;
  object[fmt::format("{}_per_second", unit)] = speed.all;
}

Json processor_json(const ProcessorSpeeds& processor) {
  Json list = Json::array();
  for (const NamedSpeed& each : named_speeds(processor)) {
    Json item{{"name", each.name}};
    set_speed(item, "bytes", each.speed);
    list.push_back(std::move(item));
  }
  return list;
}

Json levels_json(const ProcessorSpeeds& processor) {
  Json list = Json::array();
  for (const LevelSpeed& each : processor.levels) {
    Json item{{"level", each.level}};
    set_speed(item, "bytes", each.compress);
    item["ratio"] = each.ratio;
    list.push_back(std::move(item));
  }
  return list;
}

Json disk_json(const std::optional<DiskSpeed>& disk) {
  if (!disk) return nullptr;
  Json json;
  set_name(json, "path", disk->path);
  json["bytes_written"] = disk->bytes;
  json["write_bytes_per_second"] = disk->write;
  json["read_bytes_per_second"] = disk->read;
  json["sync_seconds"] = disk->seconds_to_sync_one;
  return json;
}

Json tree_json(const MachineFigures& figures) {
  if (!figures.tree) return nullptr;
  Json json;
  set_name(json, "path", figures.tree->path);
  json["entries"] = figures.tree->entries;
  set_speed(json, "walked_entries", figures.tree->walk);
  set_speed(json, "read_files", figures.tree->read);
  set_speed(json, "recorded_entries", figures.processor.record);
  return json;
}

Json expectations_json(const MachineFigures& figures) {
  Json json;
  for (const NamedExpectation& each : expectations(figures)) {
    const bool is_disk = each.expected.limit == Limit::disk;
    json[each.name] =
        Json{{"seconds", each.expected.seconds}, {"limited_by", is_disk ? "disk" : "processor"}};
  }
  return json;
}

void print_json(Console& console, const MachineFigures& figures, unsigned workers, double seconds) {
  const LevelAdvice advice = advise_level(figures);
  Json summary = make_message("summary");
  summary["processors"] = available_processors();
  summary["workers"] = workers;
  summary["cipher"] =
      preferred_cipher() == Cipher::aes_256_gcm ? "aes-256-gcm" : "chacha20-poly1305";
  summary["processor"] = processor_json(figures.processor);
  summary["compression"] = levels_json(figures.processor);
  summary["tree"] = tree_json(figures);
  summary["disk"] = disk_json(figures.disk);
  summary["expected"] = expectations_json(figures);
  summary["advised_compression"] = Json{{"level", advice.level}, {"reason", advice.why}};
  summary["error_count"] = console.finding_count();
  summary["total_duration"] = seconds;
  console.print_json(summary);
}

// ---- text

std::string bytes_row(const std::string& what, const Speed& speed, const std::string& more = {}) {
  return fmt::format("{:28}{:>9.3g}{:>12.3g}  {}", what, speed.one / 1e9, speed.all / 1e9, more);
}

std::string entries_row(const std::string& what, const Speed& speed) {
  const auto micros = [](double rate) { return rate > 0 ? 1e6 / rate : 0.0; };
  return fmt::format("{:28}{:>9.3g}{:>12.3g}", what, micros(speed.one), micros(speed.all));
}

void print_tables(Console& console, const MachineFigures& figures) {
  console.print(fmt::format("{:28}{:>9}{:>12}", "GB/s", "one core", "all cores"));
  for (const NamedSpeed& each : named_speeds(figures.processor))
    console.print(bytes_row(each.words, each.speed));
  for (const LevelSpeed& each : figures.processor.levels) {
    console.print(bytes_row(fmt::format("compressing text, level {}", each.level), each.compress,
                            fmt::format("to {:.1f} %", 100 * each.ratio)));
  }
  console.print(fmt::format("{:28}{:>9}{:>12}", "µs an entry", "one core", "all cores"));
  if (figures.tree) {
    console.print(entries_row("names and stat", figures.tree->walk));
    console.print(entries_row("reading a small file", figures.tree->read));
  }
  console.print(entries_row("recording in a tree", figures.processor.record));
  if (!figures.disk) return;
  console.print(
      fmt::format("disk of {}: writing {:.0f} MB/s (with fsync), reading {:.0f} MB/s, "
                  "{:.1f} ms to sync a small file",
                  escape_for_display(figures.disk->path), figures.disk->write / 1e6,
                  figures.disk->read / 1e6, figures.disk->seconds_to_sync_one * 1e3));
}

/// "12 s", "3 min", "2.5 h"
std::string about(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

void print_text(Console& console, const MachineFigures& figures) {
  print_tables(console, figures);
  console.print("");
  console.print("With nothing else running, files in the page cache, and unlocking left out:");
  for (const NamedExpectation& each : expectations(figures)) {
    const bool is_disk = each.expected.limit == Limit::disk;
    console.print(fmt::format("- {}: {}; the {}.", each.words, about(each.expected.seconds),
                              is_disk ? "disk sets the pace" : "processor sets the pace"));
  }
  const LevelAdvice advice = advise_level(figures);
  console.print(fmt::format("Compression level {} suits: {}.", advice.level, advice.why));
}

/// Whoever measures a machine that does something else gets less than it can do.
void warn_if_busy(Console& console) {
  double load = 0;
  if (::getloadavg(&load, 1) != 1 || load < available_processors() / 2.0) return;
  console.note(
      "machine_busy",
      fmt::format("the machine is busy (load {:.1f}): it can do more than these figures tell",
                  load));
}

void BenchmarkCommand::run(const Invocation& invocation) {
  BenchmarkOptions options;
  options.disk_directory = disk_directory(invocation.options);
  options.tree_directory = absolute_path(tree_.value_or("/usr"));
  options.is_quick = is_quick_;
  options.stop = &invocation.stop;
  warn_if_busy(invocation.console);
  const ProgressDisplay timer(invocation.console);
  ThreadPool pool(default_worker_count());
  const MachineFigures figures = measure_machine(options, pool, invocation.console);
  if (invocation.options.json) {
    return print_json(invocation.console, figures, pool.threads(), timer.seconds_elapsed());
  }
  print_text(invocation.console, figures);
}

}  // namespace

std::unique_ptr<Command> make_benchmark_command() { return std::make_unique<BenchmarkCommand>(); }

}  // namespace coppice
