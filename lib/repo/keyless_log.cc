#include "repo/keyless_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "repo/checkpoint.h"
#include "repo/object_names.h"

namespace coppice {

KeylessLog::KeylessLog(Store& store, std::optional<Id> repository) {
  LogReader reader(store, repository);
  LogExtent extent = reader.extent();
  findings_ = std::move(extent.findings);
  first_ = extent.first;
  last_ = extent.last;
  if (!first_) {
    is_complete_ = false;
    return;
  }
  first_ = start(reader);
  const LogRead begin = reader.read(*first_);
  const bool is_checkpoint = begin.entry && begin.entry->plain.type == LogEntryType::checkpoint;
  needed_from_ = is_checkpoint ? *first_ : 0;
  for (std::uint64_t number = *first_; number <= *last_; ++number) read_one(reader, number);
}

/// Where the log begins to count. Whoever removes what a checkpoint restates begins with the oldest
/// entry, leaves the last checkpoint but one and all that follows, and may be interrupted; a power
/// cut may bring back any of what he removed. So of entries before the first checkpoint behind such
/// a gap none says anything any more.
std::uint64_t KeylessLog::start(LogReader& reader) const {
  const std::uint64_t kept = last_checkpoint(reader, last_checkpoint(reader, *last_ + 1));
  std::uint64_t first = *first_;
  for (std::uint64_t number = first; number < kept; ++number) {
    if (!reader.is_there(number)) first = number + 1;
  }
  if (first == 0) return 0;
  for (std::uint64_t number = first; number <= *last_; ++number) {
    const LogRead read = reader.read(number);
    if (read.entry && read.entry->plain.type == LogEntryType::checkpoint) return number;
  }
  return first;
}

/// The newest checkpoint before the entry `number` that can be read, as the entries in between name
/// it; 0 if there is none.
std::uint64_t KeylessLog::last_checkpoint(LogReader& reader, std::uint64_t number) const {
  while (number > *first_) {
    const LogRead read = reader.read(--number);
    if (!read.entry) continue;
    if (read.entry->plain.type == LogEntryType::checkpoint) return number;
    number = std::min(number, read.entry->plain.checkpoint);
  }
  return 0;
}

void KeylessLog::report(Finding::Weight weight, const char* code, std::uint64_t number,
                        std::string message) {
  findings_.push_back({weight, code, log_entry_name(number), std::move(message)});
}

void KeylessLog::read_one(LogReader& reader, std::uint64_t number) {
  const LogRead read = reader.read(number);
  if (!read.entry) {
    const bool is_newer = read.why.kind() == ErrorKind::newer_version;
    report(is_newer ? Finding::Weight::note : Finding::Weight::damaged,
           is_newer ? "log_entry_unknown" : "log_entry_damaged", number, read.why.what());
    needs_newer_version_ = needs_newer_version_ || is_newer;
    is_complete_ = false;
    last_hash_.reset();
    return;
  }
  check_files(reader, number, read);
  if (last_hash_ && *last_hash_ != read.entry->plain.predecessor) {
    report(Finding::Weight::damaged, "log_chain_broken", number - 1,
           "is not what its successor was appended to");
  }
  last_hash_ = read.entry->hash;
  follow(*read.entry);
}

void KeylessLog::check_files(LogReader& reader, std::uint64_t number, const LogRead& read) {
  if (read.is_from_copy) {
    return report(Finding::Weight::healable, "log_entry_damaged", number, "was read from its copy");
  }
  const std::string copy = copy_name(log_entry_name(number));
  try {
    if (reader.read_file(number, copy).hash == read.entry->hash) return;
    report(Finding::Weight::healable, "log_entry_damaged", number, "its copy differs");
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    report(Finding::Weight::healable, "log_entry_damaged", number,
           std::string("its copy: ") + error.what());
  }
}

/// Features stand in the clear in an epoch's entry, which a checkpoint repeats.
void KeylessLog::note_features(const LogEntry& entry) {
  try {
    if (entry.type == LogEntryType::epoch) {
      const FeatureBits features = decode_epoch_body(entry.public_body).features;
      if (features.incompatible != 0 || features.read_only_compatible != 0)
        needs_newer_version_ = true;
    } else if (entry.type == LogEntryType::checkpoint) {
      for (const Bytes& file : decode_checkpoint_body(entry.public_body).root_entries)
        note_features(parse_log_entry(file).plain);
    }
  } catch (const Error& error) {  // per item: damaged bodies are for keyholders to judge
    if (!error.is_about_bytes()) throw;
    if (error.kind() == ErrorKind::newer_version) needs_newer_version_ = true;
  }
}

void KeylessLog::note_void(const LogEntry& entry) {
  try {
    const VoidBody body = decode_void_body(entry.public_body);
    if (body.last >= entry.number) return;
    for (std::uint64_t number = body.first; number <= body.last; ++number)
      void_numbers_.insert(number);
  } catch (const Error& error) {  // per item: as above
    if (!error.is_about_bytes()) throw;
  }
}

/// A checkpoint restates everything: whatever was unreadable before it no longer matters.
void KeylessLog::follow(const ParsedLogEntry& parsed) {
  const LogEntry& entry = parsed.plain;
  if (entry.type == LogEntryType::checkpoint && (entry.number == *first_ || !is_complete_)) {
    objects_ = {};
    is_complete_ = true;
  } else if (entry.number == *first_ && entry.number != 0) {
    report(Finding::Weight::damaged, "log_entry_damaged", entry.number - 1, "missing");
    is_complete_ = false;
  }
  if (!is_known_log_entry_type(static_cast<std::uint8_t>(entry.type))) {
    report(Finding::Weight::note, "log_entry_unknown", entry.number, "is of an unknown type");
    needs_newer_version_ = true;
    is_complete_ = false;
  }
  note_features(entry);
  if (entry.type == LogEntryType::void_entries) note_void(entry);
  if (may_delete_objects(entry.type)) {
    for (const ObjectRef& object : entry.deletes) objects_.remove(object);
  }
  if (may_add_objects(entry.type)) {
    for (const ObjectRef& object : entry.adds) objects_.add(object);
  }
}

}  // namespace coppice
