#include <fmt/format.h>

#include <algorithm>

#include "access.h"
#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "snapshot/listing.h"
#include "snapshot/statistics.h"
#include "snapshot/stored_metadata.h"
#include "snapshot_choice.h"
#include "snapshot_json.h"

namespace coppice {
namespace {

using Chosen = std::vector<const ListedSnapshot*>;

enum class Mode { restore_size, raw_data, growth };

class StatsCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("stats", "Tell what snapshots come to.");
    syntax_->operands("SNAPSHOT", names_, "only these: id, latest, latest~N; without any all");
    syntax_->value("--mode", "MODE", mode_,
                   "restore-size (default): what a restore would write; raw-data: what is stored "
                   "and what was saved; growth: what each snapshot added");
    wishes_.declare(*syntax_);
    syntax_->footer("Example:\n  coppice -r /mnt/disk/repo stats --mode raw-data --host web1");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override;

 private:
  Mode mode() const;
  Chosen choose(const Catalog& catalog, const std::string& this_host) const;

  std::optional<Syntax> syntax_;
  std::vector<std::string> names_;
  std::optional<std::string> mode_;
  SnapshotWishes wishes_;
};

Mode StatsCommand::mode() const {
  const std::string word = mode_.value_or("restore-size");
  if (word == "restore-size") return Mode::restore_size;
  if (word == "raw-data") return Mode::raw_data;
  if (word == "growth") return Mode::growth;
  throw Error(ErrorKind::usage, "--mode: \"" + escape_for_display(word) +
                                    "\" is none of restore-size, raw-data, growth");
}

Chosen StatsCommand::choose(const Catalog& catalog, const std::string& this_host) const {
  if (names_.empty()) return catalog.select(wishes_.filter());
  Chosen chosen;
  chosen.reserve(names_.size());
  for (const std::string& name : names_) {
    chosen.push_back(&catalog.resolve(name, {wishes_.filter(), this_host}));
  }
  std::sort(chosen.begin(), chosen.end(), [](const auto* a, const auto* b) {
    return a->number != b->number ? a->number < b->number : a->id < b->id;
  });
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

/// One fact a line, for people.
void print_fact(Console& console, std::string_view what, const std::string& fact) {
  console.print(fmt::format("{:24}{}", what, fact));
}

Json make_document(std::string_view mode, const Chosen& snapshots) {
  Json document;
  document["schema_version"] = kJsonSchemaVersion;
  document["mode"] = mode;
  document["snapshots_count"] = snapshots.size();
  return document;
}

void tell(const Invocation& invocation, const Chosen& snapshots, const RestoreSize& size) {
  Console& console = invocation.console;
  if (invocation.options.json) {
    Json document = make_document("restore-size", snapshots);
    document["total_size"] = size.bytes;
    document["total_file_count"] = size.entries;
    return console.print_json(document);
  }
  print_fact(console, "Snapshots:", std::to_string(snapshots.size()));
  print_fact(console, "Entries:", std::to_string(size.entries));
  print_fact(console, "Restore size:", format_size(size.bytes));
}

Json raw_data_json(const Chosen& snapshots, const RawData& data, const RepositoryFacts& whole) {
  Json document = make_document("raw-data", snapshots);
  document["total_size"] = data.sealed_bytes;
  document["total_uncompressed_size"] = data.raw_bytes;
  document["total_blob_count"] = data.chunks;
  document["compression_ratio"] = data.compression_ratio();
  document["compression_space_saving"] = data.compression_space_saving();
  document["saved_by_deduplication"] = data.saved_by_deduplication;
  document["saved_by_deltas"] = data.saved_by_deltas;
  document["saved_by_compression"] = data.saved_by_compression;
  document["packs_count"] = whole.packs;
  document["packs_size"] = whole.pack_bytes;
  document["side_files_size"] = whole.side_file_bytes;
  document["delta_blocks"] = whole.delta_blocks;
  document["plain_blocks"] = whole.plain_blocks;
  return document;
}

void tell(const Invocation& invocation, const Chosen& snapshots, const RawData& data,
          const RepositoryFacts& whole) {
  Console& console = invocation.console;
  if (invocation.options.json) {
    return console.print_json(raw_data_json(snapshots, data, whole));
  }
  print_fact(console, "Snapshots:", std::to_string(snapshots.size()));
  print_fact(console, "Chunks:", std::to_string(data.chunks));
  print_fact(console, "Raw size:", format_size(data.raw_bytes));
  print_fact(console, "Stored size:",
             fmt::format("{} ({:.2f} to 1, {:.1f} % saved)", format_size(data.sealed_bytes),
                         data.compression_ratio(), data.compression_space_saving()));
  print_fact(console, "Saved by deduplication:", format_size(data.saved_by_deduplication));
  print_fact(console, "Saved by deltas:", format_size(data.saved_by_deltas) + " (estimate)");
  print_fact(console, "Saved by compression:", format_size(data.saved_by_compression));
  console.print("Whole repository");
  print_fact(console,
             "  Packs:", fmt::format("{}, {}", whole.packs, format_size(whole.pack_bytes)));
  print_fact(console, "  Parity and copies:", format_size(whole.side_file_bytes));
  print_fact(console, "  Blocks:",
             fmt::format("{} plain, {} delta", whole.plain_blocks, whole.delta_blocks));
}

Json growth_json(const Chosen& snapshots, const std::vector<GrowthStep>& steps) {
  Json document = make_document("growth", snapshots);
  Json list = Json::array();
  for (const GrowthStep& step : steps) {
    const SnapshotRecord& record = step.snapshot->record;
    Json item;
    item["id"] = step.snapshot->id.hex();
    item["short_id"] = step.snapshot->id.short_hex();
    item["time"] = format_rfc3339(record.time, record.utc_offset_minutes);
    set_name(item, "hostname", record.host);
    item["data_added"] = record.summary.data_added;
    item["data_added_packed"] = record.summary.data_added_packed;
    item["total_bytes_processed"] = record.summary.total_bytes_processed;
    item["packed_so_far"] = step.packed_so_far;
    list.push_back(std::move(item));
  }
  document["snapshots"] = std::move(list);
  return document;
}

void tell(const Invocation& invocation, const Chosen& snapshots,
          const std::vector<GrowthStep>& steps) {
  Console& console = invocation.console;
  if (invocation.options.json) return console.print_json(growth_json(snapshots, steps));
  std::size_t host_width = 4;
  for (const GrowthStep& step : steps) {
    host_width = std::max(host_width, escape_for_display(step.snapshot->record.host).size());
  }
  console.print(fmt::format("{:8}  {:19}  {:{}}  {:>10}  {:>10}  {:>10}  {:>10}", "ID", "Time",
                            "Host", host_width, "Processed", "Added", "Stored", "So far"));
  for (const GrowthStep& step : steps) {
    const SnapshotRecord& record = step.snapshot->record;
    console.print(fmt::format(
        "{:8}  {:19}  {:{}}  {:>10}  {:>10}  {:>10}  {:>10}", step.snapshot->id.short_hex(),
        format_for_people(record.time, record.utc_offset_minutes), escape_for_display(record.host),
        host_width, format_size(record.summary.total_bytes_processed),
        format_size(record.summary.data_added), format_size(record.summary.data_added_packed),
        format_size(step.packed_so_far)));
  }
  console.print(fmt::format("{} snapshot{}", steps.size(), steps.size() == 1 ? "" : "s"));
}

void StatsCommand::run(const Invocation& invocation) {
  const Mode mode = this->mode();
  OpenedRepository opened = open_repository(invocation, Access::read);
  const Catalog catalog = list_snapshots(opened.repository->state(), invocation.console);
  const Chosen snapshots = choose(catalog, invocation.options.this_host());
  if (mode == Mode::growth) return tell(invocation, snapshots, growth(snapshots));
  const LoadedIndex loaded =
      opened.repository->load_index({false, opened.index_cache_directory}, invocation.console);
  BlockSource blocks(*opened.store, loaded.index, opened.repository->secrets());
  ChunkReader chunks(blocks, opened.repository->keyring());
  StoredMetadata trees(chunks);
  const StatisticsTools tools{trees, invocation.console, &invocation.stop};
  if (mode == Mode::restore_size) {
    return tell(invocation, snapshots, restore_size(tools, snapshots));
  }
  tell(invocation, snapshots, raw_data(tools, loaded.index, snapshots),
       repository_facts(*opened.store, loaded.index));
}

}  // namespace

std::unique_ptr<Command> make_stats_command() { return std::make_unique<StatsCommand>(); }

}  // namespace coppice
