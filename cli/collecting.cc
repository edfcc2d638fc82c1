#include "collecting.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/units.h"
#include "values.h"

namespace coppice {
namespace {

std::string plural(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

UnusedLimit parse_unused(const std::string& text) {
  const std::string option = "--max-unused";
  UnusedLimit limit;
  if (text == "unlimited") {
    limit.is_unlimited = true;
  } else if (text == "0" || text == "0%") {
    limit.percent = 0;
  } else if (text.ends_with('%')) {
    limit.percent = parse_percent(option, text.substr(0, text.size() - 1));
  } else {
    limit.bytes = parse_size(option, text);
  }
  return limit;
}

}  // namespace

void PruneWords::declare(Syntax& syntax) {
  syntax.value(
      "--max-unused", "x%|SIZE", max_unused,
      "let so much that is not needed stay in packs with what is (default 5%); \"unlimited\": "
      "write no pack anew for that");
  syntax.value("--max-repack", "SIZE", max_repack,
               "read at most so much to write packs anew (default: no limit)");
}

PlanLimits PruneWords::limits() const {
  PlanLimits limits;
  if (max_unused) limits.max_unused = parse_unused(*max_unused);
  if (max_repack) limits.max_repack_bytes = parse_size("--max-repack", *max_repack);
  return limits;
}

PruneOptions make_prune_options(const Invocation& invocation, const OpenedRepository& opened) {
  PruneOptions options;
  options.index_cache_directory = opened.index_cache_directory;
  options.stop = &invocation.stop;
  if (invocation.options.wait) {
    options.patience = std::chrono::seconds(parse_duration("--wait", *invocation.options.wait));
  }
  options.on_phase = [&console = invocation.console](const std::string& phase) {
    console.show_progress("prune: " + phase);
  };
  return options;
}

void set_prune_result(Json& json, const PruneResult& result, bool is_dry_run) {
  json["dry_run"] = is_dry_run;
  json["snapshots"] = result.snapshots;
  json["snapshots_collected"] = result.snapshots_collected;
  json["packs"] = result.packs;
  json["packs_dead"] = result.packs_dead;
  json["packs_moved"] = result.packs_moved;
  json["packs_removed"] = result.removed.packs;
  json["packs_left_condemned"] = result.packs_left_condemned;
  json["bytes_used"] = result.used_bytes;
  json["bytes_unused"] = result.unused_bytes;
  json["bytes_unused_after"] = result.unused_after;
  json["bytes_rewritten"] = result.bytes_rewritten;
  json["files_removed"] = result.removed.files;
  json["bytes_freed"] = result.removed.bytes;
  json["sessions_waited_for"] = result.sessions_waited_for;
  json["reserve_released"] = result.is_reserve_released;
}

void print_prune_result(Console& console, const PruneResult& result, bool is_dry_run) {
  console.print(fmt::format("{} {} {} in {}; {} not needed", plural(result.snapshots, "snapshot"),
                            result.snapshots == 1 ? "needs" : "need",
                            format_size(result.used_bytes), plural(result.packs, "pack"),
                            format_size(result.unused_bytes)));
  const char* would = is_dry_run ? "would be " : "";
  if (result.packs_moved != 0) {
    console.print(fmt::format("{} {}written anew, {}", plural(result.packs_moved, "pack"), would,
                              format_size(result.bytes_rewritten)));
  }
  if (result.unused_after != 0) {
    console.print(fmt::format("{} not needed {} in packs", format_size(result.unused_after),
                              is_dry_run ? "would stay" : "stays"));
  }
  console.print(fmt::format(
      "{}{} bytes ({}) freed: {} removed, of these {}; {} collected", would, result.removed.bytes,
      format_size(result.removed.bytes), plural(result.removed.files, "file"),
      plural(result.removed.packs, "pack"), plural(result.snapshots_collected, "snapshot")));
  if (result.packs_left_condemned != 0 && result.sessions_waited_for != 0) {
    console.print(fmt::format(
        "{} {} to be deleted, because {} running: the next prune does it, or --wait waits",
        plural(result.packs_left_condemned, "pack"),
        result.packs_left_condemned == 1 ? "waits" : "wait",
        result.sessions_waited_for == 1 ? "a session is"
                                        : plural(result.sessions_waited_for, "session") + " are"));
  }
}

}  // namespace coppice
