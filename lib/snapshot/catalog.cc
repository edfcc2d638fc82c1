#include "snapshot/catalog.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace coppice {
namespace {

using Found = std::vector<const ListedSnapshot*>;

// More would scroll the reason off the screen.
constexpr std::size_t kMaxListed = 10;

bool has(std::span<const std::string> texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool has_tags(const ListedSnapshot& snapshot, const std::vector<std::string>& wanted) {
  if (wanted.size() == 1 && wanted.front().empty()) return snapshot.tags.empty();
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& tag) { return has(snapshot.tags, tag); });
}

/// "  3f2a9c41  2026-11-22 01:26:01  host  /etc /home" on a line of its own.
std::string describe(const ListedSnapshot& snapshot) {
  const SnapshotRecord& record = snapshot.record;
  std::string line = "\n  " + snapshot.id.short_hex() + "  " +
                     format_for_people(record.time, record.utc_offset_minutes) + "  " +
                     escape_for_display(record.host) + " ";
  for (const std::string& path : record.paths) line += " " + escape_for_display(path);
  return line;
}

std::string describe(const Found& found) {
  std::string lines;
  for (std::size_t i = 0; i < found.size() && i < kMaxListed; ++i) lines += describe(*found[i]);
  if (found.size() > kMaxListed) {
    lines += "\n  and " + std::to_string(found.size() - kMaxListed) + " more";
  }
  return lines;
}

[[noreturn]] void fail_usage(const std::string& message) { throw Error(ErrorKind::usage, message); }
[[noreturn]] void fail_missing(const std::string& message) {
  throw Error(ErrorKind::failed, message);
}

[[noreturn]] void fail_unreadable(const std::string& what) {
  throw Error(ErrorKind::damaged,
              what +
                  ": log entries are missing or damaged (`coppice verify` names them); `coppice "
                  "repair packs` puts them back from a copy of the repository (--from), or those "
                  "that an export holds (--header)");
}

/// The N of "latest~N", nothing for another word.
std::optional<std::uint64_t> steps_back(std::string_view name) {
  constexpr std::string_view kLatest = "latest";
  if (!name.starts_with(kLatest)) return std::nullopt;
  name.remove_prefix(kLatest.size());
  if (name.empty()) return 0;
  // Nine digits are more snapshots than there can be, and never overflow.
  if (name.size() < 2 || name.size() > 10 || name.front() != '~') return std::nullopt;
  std::uint64_t back = 0;
  for (const char c : name.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    back = back * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return back;
}

/// The prefix in lower case, nothing if it is no prefix of an id.
std::optional<std::string> id_prefix(std::string_view name) {
  if (name.empty() || name.size() > 2 * Id::kSize) return std::nullopt;
  std::string prefix;
  for (const char c : name) {
    const bool is_upper = c >= 'A' && c <= 'F';
    if (!is_upper && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return std::nullopt;
    prefix.push_back(is_upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return prefix;
}

/// The host rule: where several hosts match and none was named, those of this host are meant.
Found of_one_host(Found found, const NameContext& context) {
  std::set<std::string> hosts;
  for (const ListedSnapshot* snapshot : found) hosts.insert(snapshot->record.host);
  if (hosts.size() < 2 || !context.filter.hosts.empty()) return found;
  if (hosts.count(context.this_host) == 0) {
    std::string names;
    for (const std::string& host : hosts) names += "\n  " + escape_for_display(host);
    fail_usage("there are snapshots of several hosts, and none of this one (" +
               escape_for_display(context.this_host) + "); choose with --host:" + names);
  }
  std::erase_if(found, [&](const ListedSnapshot* snapshot) {
    return snapshot->record.host != context.this_host;
  });
  return found;
}

/// The newest but `back` of those that contain the path; null if there are fewer, and then `seen`
/// says how many there are. Asks newest first, and no more than it must.
const ListedSnapshot* newest_containing(const Found& found, std::uint64_t back,
                                        const NameContext& context, std::uint64_t& seen) {
  for (auto newest = found.rbegin(); newest != found.rend(); ++newest) {
    if (context.contains && !context.contains(**newest)) continue;
    if (seen++ == back) return *newest;
  }
  return nullptr;
}

bool has_own(const Found& found, const NameContext& context) {
  return std::any_of(found.begin(), found.end(), [&](const ListedSnapshot* snapshot) {
    return snapshot->record.host == context.this_host;
  });
}

/// Where this host has no snapshot with the path that is looked for: those of other hosts that do.
Found others_with_path(const Catalog& catalog, const NameContext& context) {
  Found found = catalog.select(context.filter);
  std::erase_if(found, [&](const ListedSnapshot* snapshot) {
    return !snapshot->can_be_latest() || snapshot->record.host == context.this_host ||
           !context.contains(*snapshot);
  });
  return found;
}

[[noreturn]] void fail_no_latest(const Catalog& catalog, std::size_t passed_over) {
  if (catalog.all().empty() && !catalog.is_complete()) fail_unreadable("no snapshot can be read");
  if (catalog.all().empty()) fail_missing("there are no snapshots yet; `coppice backup` makes one");
  if (passed_over > 0) {
    fail_missing("no snapshot is the latest: " + std::to_string(passed_over) +
                 " made with --time or by import are passed over; name one by its id "
                 "(`coppice snapshots` lists them)");
  }
  fail_missing("no snapshot matches; `coppice snapshots` lists what there is");
}

}  // namespace

std::vector<std::string> changed_tags(std::vector<std::string> tags,
                                      // NOLINTNEXTLINE(bugprone-easily-swappable-parameters)
                                      std::span<const std::string> added,
                                      std::span<const std::string> removed) {
  std::erase_if(tags, [&](const std::string& tag) { return has(removed, tag); });
  for (const std::string& tag : added) {
    if (!has(tags, tag)) tags.push_back(tag);
  }
  return tags;
}

bool SnapshotFilter::is_match(const ListedSnapshot& snapshot) const {
  if (snapshot.is_forgotten && !with_forgotten) return false;
  if (!hosts.empty() && !has(hosts, snapshot.record.host)) return false;
  if (!tags.empty() && std::none_of(tags.begin(), tags.end(), [&](const auto& wanted) {
        return has_tags(snapshot, wanted);
      })) {
    return false;
  }
  return std::all_of(paths.begin(), paths.end(),
                     [&](const std::string& path) { return has(snapshot.record.paths, path); });
}

SnapshotPath split_snapshot_path(std::string_view word) {
  const std::size_t colon = word.find(':');
  SnapshotPath split;
  split.snapshot = word.substr(0, colon);
  if (split.snapshot.empty()) {
    fail_usage("\"" + escape_for_display(word) + "\" names no snapshot; try latest" +
               (colon == std::string_view::npos ? "" : escape_for_display(word)));
  }
  if (colon == std::string_view::npos) return split;
  split.path = word.substr(colon + 1);
  if (!split.path->starts_with('/')) {
    fail_usage("\"" + escape_for_display(word) + "\": the path after the colon must begin with /");
  }
  return split;
}

Catalog::Catalog(std::vector<ListedSnapshot> snapshots, bool is_complete)
    : is_complete_(is_complete) {
  // Those that stand come first of their id.
  std::stable_sort(
      snapshots.begin(), snapshots.end(), [](const ListedSnapshot& a, const ListedSnapshot& b) {
        return std::pair(a.is_forgotten, b.number) < std::pair(b.is_forgotten, a.number);
      });
  std::set<Id> seen;
  for (ListedSnapshot& snapshot : snapshots) {
    if (seen.insert(snapshot.id).second) snapshots_.push_back(std::move(snapshot));
  }
  std::stable_sort(
      snapshots_.begin(), snapshots_.end(),
      [](const ListedSnapshot& a, const ListedSnapshot& b) { return a.number < b.number; });
}

std::vector<const ListedSnapshot*> Catalog::select(const SnapshotFilter& filter) const {
  Found found;
  for (const ListedSnapshot& snapshot : snapshots_) {
    if (filter.is_match(snapshot)) found.push_back(&snapshot);
  }
  return found;
}

const ListedSnapshot* Catalog::find(const Id& id) const {
  const auto place = std::find_if(snapshots_.begin(), snapshots_.end(),
                                  [&](const ListedSnapshot& s) { return s.id == id; });
  return place == snapshots_.end() ? nullptr : &*place;
}

const ListedSnapshot& Catalog::resolve(std::string_view name, const NameContext& context) const {
  if (const auto back = steps_back(name)) return resolve_latest(*back, context);
  if (const auto prefix = id_prefix(name)) {
    return resolve_prefix(*prefix, context.filter.with_forgotten);
  }
  fail_usage("\"" + escape_for_display(name) +
             "\" is no snapshot: give the first digits of its id, latest, or latest~N");
}

const ListedSnapshot& Catalog::resolve_prefix(const std::string& prefix,
                                              bool with_forgotten) const {
  Found found;
  Found forgotten;
  for (const ListedSnapshot& snapshot : snapshots_) {
    if (!snapshot.id.hex().starts_with(prefix)) continue;
    (snapshot.is_forgotten && !with_forgotten ? forgotten : found).push_back(&snapshot);
  }
  if (found.size() == 1) return *found.front();
  if (found.size() > 1) {
    fail_usage(prefix + " is the start of several ids; give more digits:" + describe(found));
  }
  if (!forgotten.empty()) {
    fail_missing("snapshot " + prefix + " was forgotten; `coppice undelete " + prefix +
                 "` brings it back until it is collected");
  }
  if (!is_complete_)
    fail_unreadable("there is no snapshot " + prefix + " among those that are left");
  fail_missing("there is no snapshot " + prefix + "; `coppice snapshots` lists what there is");
}

const ListedSnapshot& Catalog::resolve_latest(std::uint64_t back,
                                              const NameContext& context) const {
  Found found = select(context.filter);
  const std::size_t passed_over = std::erase_if(
      found, [](const ListedSnapshot* snapshot) { return !snapshot->can_be_latest(); });
  if (found.empty()) fail_no_latest(*this, passed_over);
  std::uint64_t seen = 0;
  const bool may_look_elsewhere = context.contains && context.filter.hosts.empty();
  if (!may_look_elsewhere || has_own(found, context)) {
    found = of_one_host(std::move(found), context);
    if (const auto* snapshot = newest_containing(found, back, context, seen)) return *snapshot;
  }
  Found elsewhere = seen == 0 && may_look_elsewhere ? others_with_path(*this, context) : Found();
  if (!elsewhere.empty()) {
    found = of_one_host(std::move(elsewhere), context);
    if (const auto* snapshot = newest_containing(found, back, context, seen)) return *snapshot;
  }
  if (seen == 0) {
    fail_missing("none of the " + std::to_string(found.size()) + " snapshots of " +
                 escape_for_display(found.back()->record.host) + " contains the path");
  }
  fail_missing("there are only " + std::to_string(seen) +
               " such snapshots; `coppice snapshots` lists them");
}

}  // namespace coppice
