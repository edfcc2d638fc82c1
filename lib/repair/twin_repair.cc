#include "repair/twin_repair.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "repo/header.h"
#include "repo/log_reader.h"
#include "repo/object_names.h"
#include "repo/readme_text.h"
#include "repo/role_rights.h"
#include "repo/slot.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxTextBytes = 1 << 20;

/// Throws if the bytes are not what should be there.
using Judge = std::function<void(ByteView)>;

struct Copy {
  Store* store = nullptr;
  std::string file;
};

/// The file's bytes if they pass, else nothing and why.
std::optional<Bytes> try_read(const Copy& copy, std::uint64_t max_bytes, const Judge& judge,
                              std::string& why) {
  if (!copy.store->size(copy.file)) {
    why = "missing";
    return std::nullopt;
  }
  try {
    Bytes bytes = copy.store->read_all(copy.file, max_bytes);
    judge(bytes);
    return bytes;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged && error.kind() != ErrorKind::no_repository) throw;
    why = error.what();
    return std::nullopt;
  }
}

/// One file that stands in two copies.
struct Twin {
  std::string file;
  std::uint64_t max_bytes = 0;
  Judge judge;
  const Bytes* exported = nullptr;  ///< what an export has of it
};

/// Makes one copy anew from another one, which is judged again when it is done.
void plan_write(const Twin& twin, const Copy& to, const Copy& from, const std::string& action,
                RepairPlan& plan) {
  plan.add(to.file, action, [to, from, max_bytes = twin.max_bytes, judge = twin.judge] {
    std::string why;
    const auto bytes = try_read(from, max_bytes, judge, why);
    if (!bytes) throw_damaged(from.file + ": " + why);
    to.store->put(to.file, *bytes);
    return std::uint64_t{bytes->size()};
  });
}

/// Where both copies are lost: from the other repository, else from the export.
std::optional<Bytes> plan_from_elsewhere(const TwinSources& sources, const Twin& twin,
                                         const std::string& why, RepairPlan& plan) {
  const Copy first{&sources.store, twin.file};
  const Copy second{&sources.store, copy_name(twin.file)};
  const std::string then = "write it anew from " + twin.file;
  for (const std::string& name : {first.file, second.file}) {
    if (sources.other == nullptr) break;
    const Copy from{sources.other, name};
    std::string why_not;
    if (auto found = try_read(from, twin.max_bytes, twin.judge, why_not)) {
      plan_write(twin, first, from, why + ": take it from the other repository", plan);
      plan_write(twin, second, first, then, plan);
      return found;
    }
  }
  if (twin.exported == nullptr) return std::nullopt;
  try {
    twin.judge(*twin.exported);
  } catch (const Error& error) {  // per item
    if (error.kind() != ErrorKind::damaged && error.kind() != ErrorKind::no_repository) throw;
    return std::nullopt;
  }
  plan.add(first.file, why + ": take it from the export", [first, exported = twin.exported] {
    first.store->put(first.file, *exported);
    return std::uint64_t{exported->size()};
  });
  plan_write(twin, second, first, then, plan);
  return *twin.exported;
}

/// Plans to make file and copy equal and whole; the bytes of whichever is, if one is.
std::optional<Bytes> plan_twin(const TwinSources& sources, const Twin& twin, RepairPlan& plan) {
  const Copy first{&sources.store, twin.file};
  const Copy second{&sources.store, copy_name(twin.file)};
  std::string why_first;
  std::string why_second;
  std::optional<Bytes> bytes = try_read(first, twin.max_bytes, twin.judge, why_first);
  const auto copied = try_read(second, twin.max_bytes, twin.judge, why_second);
  if (bytes && copied) {
    if (*bytes != *copied)
      plan_write(twin, second, first, "differs from " + twin.file + ": write it anew", plan);
    return bytes;
  }
  if (bytes) {
    plan_write(twin, second, first, why_second + ": write it anew from " + twin.file, plan);
    return bytes;
  }
  if (copied) {
    plan_write(twin, first, second, why_first + ": write it anew from its second copy", plan);
    return copied;
  }
  if (auto found = plan_from_elsewhere(sources, twin, why_first, plan)) return found;
  plan.add_lost(twin.file, why_first + "; its second copy: " + why_second);
  return std::nullopt;
}

void plan_readme(Store& store, const Header& header, RepairPlan& plan) {
  std::string why;
  const Judge judge = [](ByteView bytes) {
    if (!is_readme_intact(bytes)) throw_damaged("does not fit its own checksum");
  };
  if (try_read({&store, kReadmeName}, kMaxTextBytes, judge, why)) return;
  plan.add(kReadmeName, why + ": write it anew", [&store, header] {
    const std::string text = make_readme(header, header.created_by);  // as `init` wrote it
    store.put(kReadmeName, as_bytes(text));
    return std::uint64_t{text.size()};
  });
}

std::set<SlotId> listed_slots(Store& store) {
  std::set<SlotId> slots;
  for (const ObjectInfo& object : store.list("slots/")) {
    std::string_view name = object.name;
    name.remove_prefix(std::string_view("slots/").size());
    if (name.ends_with(".copy")) name.remove_suffix(std::string_view(".copy").size());
    SlotId slot;
    if (from_hex(name, slot.bytes)) slots.insert(slot);
  }
  return slots;
}

/// A slot that is not there at all may have been removed on purpose: it comes back only if there is
/// no other one.
void plan_slots(const TwinSources& sources, const Id& repository, RepairPlan& plan) {
  std::set<SlotId> slots = listed_slots(sources.store);
  std::map<SlotId, const Bytes*> exported;
  if (sources.exported != nullptr) {
    for (const auto& [name, bytes] : sources.exported->slots) {
      SlotId slot;
      if (from_hex(name, slot.bytes)) exported[slot] = &bytes;
    }
  }
  if (slots.empty() && sources.other != nullptr) slots = listed_slots(*sources.other);
  if (slots.empty()) {
    for (const auto& [slot, bytes] : exported) slots.insert(slot);
  }
  for (const SlotId& slot : slots) {
    const auto found = exported.find(slot);
    const Judge judge = [repository, slot](ByteView bytes) {
      const SlotFile file = parse_slot(bytes);
      if (file.slot_id != slot || file.repository_id != repository)
        throw_damaged("is another slot");
    };
    plan_twin(
        sources,
        {slot_name(slot), kMaxTextBytes, judge, found == exported.end() ? nullptr : found->second},
        plan);
  }
}

using ExportedEntries = std::map<std::uint64_t, const Bytes*>;

/// An export's root-signed entries by number. Nobody can tell here if the root key signed them: the
/// chain of hashes vouches for them, and whoever holds a key judges them again.
ExportedEntries exported_entries(const HeaderExport* exported) {
  ExportedEntries entries;
  if (exported == nullptr) return entries;
  for (const Bytes& file : exported->log) {
    try {
      const LogEntry entry = parse_log_entry(file).plain;
      if (is_root_entry(entry.type) && entry.signer.is_zero()) entries[entry.number] = &file;
    } catch (const Error& error) {  // per item: another one may do
      if (!error.is_about_bytes()) throw;
    }
  }
  return entries;
}

/// What is expected at one number of the log.
struct ExpectedEntry {
  std::uint64_t number = 0;
  std::optional<Id> repository;
  std::optional<Id> hash;  ///< as the successor names it
};

Judge judge_of(const ExpectedEntry& expected) {
  return [expected](ByteView bytes) {
    const ParsedLogEntry entry = parse_log_entry(bytes);
    if (entry.plain.number != expected.number) throw_damaged("has the number of another entry");
    if (expected.repository && entry.plain.repository != *expected.repository)
      throw_damaged("is of another repository");
    if (expected.hash && entry.hash != *expected.hash)
      throw_damaged("is not the entry that its successor was appended to");
  };
}

/// The first entry is known by its repository; any other one by its successor only.
const Bytes* find_exported(const ExportedEntries& entries, const ExpectedEntry& expected) {
  const bool is_provable = expected.hash || (expected.number == 0 && expected.repository);
  const auto found = entries.find(expected.number);
  return is_provable && found != entries.end() ? found->second : nullptr;
}

/// What an entry says about the one before it, if it says anything.
std::optional<Id> named_by(const std::optional<Bytes>& successor) {
  if (!successor) return std::nullopt;
  const Id named = parse_log_entry(*successor).plain.predecessor;
  return named.is_zero() ? std::nullopt : std::optional(named);
}

/// Where the log begins, or should: no further back than a gap in it may be wide.
std::uint64_t lowest_number(const KeylessLog& log) {
  const std::uint64_t first = *log.first();
  return std::max(log.needed_from(), first - std::min(first, kMaxLogGap));
}

}  // namespace

std::optional<Id> plan_text_repair(const TwinSources& sources, RepairPlan& plan) {
  Store& store = sources.store;
  std::optional<Id> repository;
  if (const LogRead first = LogReader(store).read(0); first.entry)
    repository = first.entry->plain.repository;
  const Judge judge = [repository](ByteView text) {
    const Header header = decode_header(text);
    if (repository && header.repository_id != *repository)
      throw_damaged("is the header of another repository");
  };
  const auto bytes = plan_twin(sources,
                               {kHeaderName, kMaxTextBytes, judge,
                                sources.exported == nullptr ? nullptr : &sources.exported->header},
                               plan);
  if (!bytes) return repository;
  const Header header = decode_header(*bytes);
  if (is_read_only(header)) {
    throw Error(ErrorKind::newer_version,
                store.description() +
                    ": the repository uses features that this version may only read: repair it "
                    "with the coppice that wrote it");
  }
  plan_slots(sources, header.repository_id, plan);
  plan_readme(store, header, plan);
  return header.repository_id;
}

/// Newest first, so that each entry that comes from elsewhere vouches for the one before it.
void plan_log_repair(const TwinSources& sources, const std::optional<Id>& repository,
                     const KeylessLog& log, RepairPlan& plan) {
  if (!log.first()) return;
  const ExportedEntries exported = exported_entries(sources.exported);
  const std::uint64_t lowest = lowest_number(log);
  std::optional<Bytes> successor;
  for (std::uint64_t next = *log.last() + 1; next > lowest; --next) {
    const ExpectedEntry expected{next - 1, repository, named_by(successor)};
    successor = plan_twin(sources,
                          {log_entry_name(expected.number), kMaxLogEntryBytes, judge_of(expected),
                           find_exported(exported, expected)},
                          plan);
  }
}

}  // namespace coppice
