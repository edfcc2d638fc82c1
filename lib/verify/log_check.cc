#include "verify/log_check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "repo/log_reader.h"

namespace coppice {
namespace {

bool is_unknown(const Finding& finding) { return finding.code == "log_entry_unknown"; }

/// An owner has seen and settled it; without a key, so it seems.
bool is_void(const Finding& finding, const std::set<std::uint64_t>& void_numbers) {
  const auto number = log_number_of(finding.item);
  return number && void_numbers.contains(*number);
}

}  // namespace

void expect_head_syntax(const std::string& head) {
  const bool is_hex = head.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (head.empty() || (is_hex && head.size() >= 8 && head.size() <= 64)) return;
  throw Error(ErrorKind::usage,
              "'" + head + "' is not the beginning of a log entry's hash (8 to 64 hex digits)");
}

KeylessLog read_settled_log(Store& store, const std::optional<Id>& repository) {
  constexpr int kReadings = 5;
  KeylessLog log(store, repository);
  for (int reading = 1; !log.findings().empty() && reading < kReadings; ++reading) {
    KeylessLog again(store, repository);
    const bool has_gone_on = again.first() != log.first() || again.last() != log.last();
    log = std::move(again);
    if (!has_gone_on) break;
  }
  return log;
}

void report_log(const KeylessLog& log, const LogState* state, FindingSink& findings) {
  std::vector<Finding> all = log.findings();
  if (state != nullptr) all.insert(all.end(), state->findings.begin(), state->findings.end());
  const auto& void_numbers = state != nullptr ? state->void_numbers : log.void_numbers();
  std::set<std::pair<std::string, std::string>> told;
  for (Finding& finding : all) {
    if (!told.emplace(finding.code, finding.item).second) continue;  // both readers met it
    if (is_unknown(finding)) finding.weight = Finding::Weight::damaged;
    if (finding.weight == Finding::Weight::damaged && is_void(finding, void_numbers))
      finding.weight = Finding::Weight::note;
    findings.report(finding);
  }
  if (!log.last())
    findings.report(
        {Finding::Weight::damaged, "log_entry_damaged", "log", "there is no log entry at all"});
}

void check_head(Store& store, const KeylessLog& log, const std::optional<Id>& repository,
                const std::string& expected_head, FindingSink& findings) {
  if (expected_head.empty()) return;
  const auto is_it = [&](const Id& hash) { return hash.hex().starts_with(expected_head); };
  LogReader reader(store, repository);
  // Newest first: that is what was noted down most likely.
  for (std::uint64_t left = log.last() ? *log.last() - *log.first() + 1 : 0; left > 0; --left) {
    const LogRead read = reader.read(*log.first() + left - 1);
    // The predecessor's hash, too: entries before a checkpoint may be gone.
    if (read.entry && (is_it(read.entry->hash) || is_it(read.entry->plain.predecessor))) return;
  }
  std::string message =
      "no entry has the hash " + expected_head +
      ": the repository was rolled back or exchanged, or its newest entries are lost";
  if (log.first().value_or(0) > 0) {
    message +=
        "; or it was noted before entry " + std::to_string(*log.first()) +
        ", and prune has removed it since: then nothing can be proved by it, and the head that "
        "verify tells now is the one to note, after each prune";
  }
  findings.report({Finding::Weight::damaged, "log_rolled_back", "log", message});
}

void check_seen_head(Store& store, const KeylessLog& log, const std::optional<Id>& repository,
                     const HostState* host_state, FindingSink& findings) {
  if (host_state == nullptr || !repository) return;
  const auto seen = host_state->last_seen(*repository);
  if (!seen || (log.first() && seen->number < *log.first())) return;
  const LogRead read = LogReader(store, repository).read(seen->number);
  if (read.entry && read.entry->hash == seen->hash) return;
  const bool is_there = log.last() && seen->number <= *log.last();
  if (is_there && !read.entry) return;  // a damaged entry is a finding of its own
  findings.report({Finding::Weight::damaged, "log_rolled_back", "log",
                   "this machine has seen log entry " + std::to_string(seen->number) + " (" +
                       seen->hash.short_hex() + "), which " +
                       (is_there ? "is another one now" : "is not there any more") +
                       ": the repository was rolled back or exchanged. If an older copy was put in "
                       "place on purpose, delete " +
                       host_state->head_file(*repository)});
}

}  // namespace coppice
