#include "repo/log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "repo/checkpoint.h"
#include "repo/object_names.h"
#include "repo/role_rights.h"

namespace coppice {

Log::Log(Store& store, Keyring& keys, RandomSource& random, bool header_only_reads)
    : store_(store),
      keys_(keys),
      random_(random),
      reader_(store, keys.repository()),
      replay_(keys, header_only_reads) {}

const LogState& Log::refresh() {
  const LogExtent extent = reader_.extent(state().next_number);
  if (!extent.last) return state();
  if (state().next_number == 0) start(extent);
  replay_to(extent);
  // Whether the checkpoint was sound is known only now. Without another start it is better than
  // nothing.
  while (started_at_ && state().void_numbers.contains(*started_at_)) {
    const std::uint64_t void_start = *std::exchange(started_at_, std::nullopt);
    bad_checkpoints_.insert(void_start);
    if (!start_at_checkpoint(extent, 0)) {
      if (extent.first != 0) break;
      replay_.start_over();
    }
    replay_to(extent);
  }
  return state();
}

void Log::start(const LogExtent& extent) {
  for (const Finding& finding : extent.findings) {
    replay_.report(finding.weight, finding.code, *extent.last, finding.message);
  }
  start_at_checkpoint(extent, 0);
}

/// The checkpoint that the entry `number`, or the first readable one before it, names: 1 + its
/// number, 0 for none. Nobody has vouched for that entry yet; a wrong answer costs time, for the
/// checkpoint itself is judged.
std::uint64_t Log::named_checkpoint(std::uint64_t number, std::uint64_t first) {
  for (std::uint64_t at = number + 1; at > first; --at) {
    const LogRead read = reader_.read(at - 1);
    if (!read.entry) continue;
    const LogEntry& entry = read.entry->plain;
    if (entry.type == LogEntryType::checkpoint) return at;
    if (entry.checkpoint < at) return entry.checkpoint;
  }
  return 0;
}

bool Log::try_checkpoint(std::uint64_t number) {
  if (bad_checkpoints_.contains(number)) return false;
  const LogRead read = reader_.read(number);
  Error why = read.why;
  if (read.entry) {
    try {
      replay_.start_at(*read.entry);
      started_at_ = number;
      if (read.is_from_copy) {
        replay_.report(Finding::Weight::healable, "log_entry_damaged", number,
                       "was read from its copy");
      }
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      why = error;
    }
  }
  bad_checkpoints_.insert(number);
  replay_.report(Finding::Weight::damaged, "log_checkpoint_unusable", number, why.what());
  return false;
}

/// From the newest checkpoint, or if it is of no use the one before it, and so on, down to entry
/// `lowest`.
bool Log::start_at_checkpoint(const LogExtent& extent, std::uint64_t lowest) {
  const std::uint64_t first = std::max(*extent.first, lowest);
  std::uint64_t next = named_checkpoint(*extent.last, first);
  while (next > first) {
    const std::uint64_t number = next - 1;
    if (try_checkpoint(number)) return true;
    next = number > first ? named_checkpoint(number - 1, first) : 0;
  }
  return false;
}

void Log::replay_to(const LogExtent& extent) {
  while (state().next_number <= *extent.last) replay_one(extent);
}

void Log::replay_one(const LogExtent& extent) {
  const std::uint64_t number = state().next_number;
  const LogRead read = reader_.read(number);
  if (!read.entry) {
    // Another program may have deleted it since, once a newer checkpoint stood for it.
    if (!start_at_checkpoint(extent, number + 1)) replay_.pass_unreadable(number, read.why);
    return;
  }
  if (read.is_from_copy) {
    replay_.report(Finding::Weight::healable, "log_entry_damaged", number,
                   "was read from its copy");
  }
  if (read.is_from_spare) {
    replay_.report(Finding::Weight::healable, "log_entry_damaged", number,
                   "is lost, and was read from the export; `coppice repair packs` with --header "
                   "puts it back");
  }
  replay_.apply(*read.entry);
}

std::uint64_t Log::append(const MakeEntry& make) {
  while (true) {
    refresh();
    const std::uint64_t number = state().next_number;
    const LogAppend next = make(state());
    expect_allowed(next);
    heal_predecessor();
    const ParsedLogEntry entry = encode(next);
    const std::unique_ptr<Store::Upload> copy = upload_copy(entry);
    if (publish(entry)) {
      if (is_overtaken(entry)) continue;
      commit_copy(number, *copy);
      replay_.apply(entry);
      return number;
    }
    if (!reader_.is_there(number)) {
      throw Error(ErrorKind::failed,
                  log_entry_name(number) + ": neither can it be put nor is it there");
    }
  }
}

std::uint64_t Log::append(const LogAppend& entry) {
  return append([&](const LogState&) { return entry; });
}

std::uint64_t Log::append_checkpoint() {
  return append([](const LogState& state) {
    Checkpoint checkpoint = make_checkpoint(state);
    return LogAppend{LogEntryType::checkpoint, std::move(checkpoint.adds),
                     std::move(checkpoint.deletes), std::move(checkpoint.public_body),
                     std::move(checkpoint.body)};
  });
}

std::optional<Id> Log::hash_of(std::uint64_t number) {
  if (number + 1 == state().next_number && state().last_hash) return state().last_hash;
  const LogRead read = reader_.read(number);
  return read.entry ? std::optional(read.entry->hash) : std::nullopt;
}

void Log::expect_allowed(const LogAppend& entry) const {
  const std::string what = "a log entry of type " + std::string(log_entry_type_word(entry.type));
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::refused, what + ": " + why);
  };
  if (state().is_read_only()) {
    throw Error(
        ErrorKind::newer_version,
        "the log or the header holds what only a newer coppice can judge: nothing is written");
  }
  if ((!entry.adds.empty() && !may_add_objects(entry.type)) ||
      (!entry.deletes.empty() && !may_delete_objects(entry.type))) {
    refuse("cannot add or delete objects");
  }
  const bool collects = entry.type == LogEntryType::condemn || entry.type == LogEntryType::remove ||
                        entry.type == LogEntryType::checkpoint;
  if (collects && state().collection_is_stopped())
    refuse("the log has broken entries; an owner must declare them void");
  if (is_root_entry(entry.type)) {
    if (keys_.root_key() == nullptr) refuse("this key slot is not an owner's");
    return;
  }
  const auto certificate = state().certificates.find(keys_.slot());
  if (certificate == state().certificates.end() ||
      certificate->second.body.signing_key != keys_.signing_key().public_key()) {
    refuse("this key slot has no certificate");
  }
  if (state().is_revoked(keys_.slot(), state().next_number)) refuse("this key slot is revoked");
  if (!may_append(certificate->second.body.role, entry.type)) {
    refuse("this key slot's role is " + std::string(role_word(certificate->second.body.role)));
  }
}

ParsedLogEntry Log::encode(const LogAppend& next) {
  const bool is_root = is_root_entry(next.type);
  LogEntry entry;
  entry.type = next.type;
  entry.number = state().next_number;
  entry.repository = keys_.repository();
  if (state().last_hash) entry.predecessor = *state().last_hash;
  if (!is_root) entry.signer = keys_.slot();
  // Anew for each attempt: number and nonce make the key of the body, and two bodies must never
  // share one.
  random_.fill(entry.nonce);
  entry.epoch = next.type == LogEntryType::epoch ? decode_epoch_body(next.public_body).epoch
                                                 : state().newest_epoch();
  entry.checkpoint = state().checkpoint_field();
  entry.adds = next.adds;
  entry.deletes = next.deletes;
  entry.public_body = next.public_body;
  entry.body = next.body;
  const SigningKey& key = is_root ? *keys_.root_key() : keys_.signing_key();
  return parse_log_entry(encode_log_entry(entry, keys_.repository_key(entry.epoch), key));
}

/// False if another entry has the number.
bool Log::publish(const ParsedLogEntry& entry) {
  const std::string name = log_entry_name(entry.plain.number);
  try {
    if (store_.put_if_absent(name, entry.file)) return true;
  } catch (const Error& error) {
    if (!is_published(entry)) throw;
    // Whoever looks sees it, and yet a power cut may take it back: nobody may call that saved. Not
    // no_space, for which the job would be done once more.
    throw Error(ErrorKind::failed,
                name + " is there, but it may not outlive a power cut: " + error.what());
  }
  if (!is_published(entry)) return false;
  // A repeated request met its own entry, and nobody has made its name durable: with the copy's,
  // which lies in the same directory, it becomes so.
  store_.put(copy_name(name), entry.file);
  return true;
}

/// True if the log had gone on beyond this number, and a collector had removed what had it, before
/// the entry was put: this process slept meanwhile, or its target hung. Then the name was free, and
/// nobody will ever read the entry there: it is to be appended where the log ends now. If the next
/// entry names another one, the file goes, for it would look like a broken entry. If there is none,
/// the answer may be wrong (the next one is lost), and then the entry will be there twice, which
/// changes nothing; so the file stays for the next removal of old entries.
bool Log::is_overtaken(const ParsedLogEntry& entry) {
  const std::uint64_t number = entry.plain.number;
  const LogExtent extent = reader_.extent();
  if (!extent.last || *extent.last <= number) return false;
  const LogRead next = reader_.read(number + 1);
  if (!next.entry) return true;
  if (next.entry->plain.predecessor == entry.hash) return false;
  try {
    store_.remove(log_entry_name(number));
  } catch (const Error&) {  // expected on targets that are append-only for us
  }
  return true;
}

/// The nonce makes every file different, so equal bytes are this attempt's.
bool Log::is_published(const ParsedLogEntry& entry) {
  try {
    return store_.read_all(log_entry_name(entry.plain.number), kMaxLogEntryBytes) == entry.file;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return false;
  }
}

/// Before the entry shows, so that a full target is met while nothing has happened yet.
std::unique_ptr<Store::Upload> Log::upload_copy(const ParsedLogEntry& entry) {
  auto copy = store_.begin_upload();
  copy->append(entry.file);
  return copy;
}

/// The entry stands whether or not its copy does: a failure here must not look like one of the
/// whole job.
void Log::commit_copy(std::uint64_t number, Store::Upload& copy) {
  try {
    copy.commit(copy_name(log_entry_name(number)));
  } catch (const Error& error) {
    replay_.report(Finding::Weight::healable, "log_copy_missing", number, error.what());
  }
}

/// Its writer may have died between the two files.
void Log::heal_predecessor() {
  if (state().next_number == 0) return;
  const std::uint64_t number = state().next_number - 1;
  const std::string name = log_entry_name(number);
  if (store_.size(copy_name(name))) return;
  const LogRead read = reader_.read(number);
  if (read.entry) commit_copy(number, *upload_copy(*read.entry));
}

}  // namespace coppice
