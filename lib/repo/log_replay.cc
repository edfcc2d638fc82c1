#include "repo/log_replay.h"

#include <algorithm>
#include <string>
#include <utility>

#include "repo/checkpoint.h"
#include "repo/log_effects.h"
#include "repo/object_names.h"
#include "repo/role_rights.h"

namespace coppice {

void LogReplay::report(Finding::Weight weight, std::string code, std::uint64_t number,
                       std::string message) {
  state_.findings.push_back({weight, std::move(code), log_entry_name(number), std::move(message)});
}

void LogReplay::mark_broken(std::uint64_t number, std::string code, std::string message) {
  report(Finding::Weight::damaged, std::move(code), number, std::move(message));
  state_.broken.insert(number);
}

void LogReplay::mark_unknown(std::uint64_t number, std::string message) {
  report(Finding::Weight::note, "log_entry_unknown", number, std::move(message));
  state_.has_unknown = true;
}

void LogReplay::start_at(const ParsedLogEntry& checkpoint) {
  LogReplay fresh(keys_, state_.header_only_reads);
  fresh.load(checkpoint);
  std::vector<Finding> findings = std::move(state_.findings);
  findings.insert(findings.end(), fresh.state_.findings.begin(), fresh.state_.findings.end());
  state_ = std::move(fresh.state_);
  state_.findings = std::move(findings);
}

/// The root-signed entries come first: they hold the certificate that says whether the checkpoint
/// is genuine, and the key that opens it.
void LogReplay::load(const ParsedLogEntry& checkpoint) {
  const LogEntry& entry = checkpoint.plain;
  if (entry.type != LogEntryType::checkpoint) throw_damaged("not a checkpoint");
  std::uint64_t next_root_number = 0;
  for (const Bytes& file : decode_checkpoint_body(entry.public_body).root_entries) {
    const ParsedLogEntry root_entry = parse_log_entry(file);
    const LogEntry& plain = root_entry.plain;
    const bool is_in_order = plain.number >= next_root_number && plain.number < entry.number;
    if (!is_in_order || plain.repository != keys_.repository() || !is_root_entry(plain.type) ||
        !is_log_entry_signed_by(root_entry, keys_.root_public_key())) {
      throw_damaged("checkpoint: restates an entry that the root key did not sign");
    }
    next_root_number = plain.number + 1;
    obey_root(root_entry);
  }
  if (!is_genuine(checkpoint) || !is_allowed(entry) ||
      state_.is_revoked(entry.signer, entry.number)) {
    throw_damaged("checkpoint: not signed by an auditor or owner");
  }
  restore_contents(state_, entry, open(checkpoint), keys_.identity(ChunkClass::metadata));
  state_.checkpoints = {entry.number};
  state_.next_number = entry.number + 1;
  state_.last_hash = checkpoint.hash;
}

void LogReplay::apply(const ParsedLogEntry& entry) {
  const std::uint64_t number = entry.plain.number;
  follow_chain(entry.plain);
  try {
    judge(entry);
  } catch (const Error& error) {
    const bool is_fatal_feature =
        error.kind() == ErrorKind::newer_version && entry.plain.type == LogEntryType::epoch;
    if (error.kind() == ErrorKind::damaged) {
      mark_broken(number, "log_entry_damaged", error.what());
    } else if (error.kind() == ErrorKind::newer_version && !is_fatal_feature) {
      mark_unknown(number, error.what());
    } else {
      throw error.within(log_entry_name(number));
    }
  }
  state_.next_number = number + 1;
  state_.last_hash = entry.hash;
}

void LogReplay::pass_unreadable(std::uint64_t number, const Error& why) {
  if (why.kind() == ErrorKind::newer_version) {
    mark_unknown(number, why.what());
  } else {
    mark_broken(number, "log_entry_damaged", why.what());
  }
  state_.next_number = number + 1;
  state_.last_hash.reset();
}

/// The successor's signed word against the predecessor's bytes: the predecessor is what was
/// exchanged.
void LogReplay::follow_chain(const LogEntry& entry) {
  if (entry.number == 0) {
    if (!entry.predecessor.is_zero())
      mark_broken(0, "log_chain_broken", "the first entry names a predecessor");
    return;
  }
  if (!state_.last_hash || *state_.last_hash == entry.predecessor) return;
  mark_broken(entry.number - 1, "log_chain_broken", "is not what its successor was appended to");
}

bool LogReplay::is_genuine(const ParsedLogEntry& entry) const {
  const SlotId& signer = entry.plain.signer;
  if (signer.is_zero()) return is_log_entry_signed_by(entry, keys_.root_public_key());
  const auto certificate = state_.certificates.find(signer);
  return certificate != state_.certificates.end() &&
         is_log_entry_signed_by(entry, certificate->second.body.signing_key);
}

/// By role and form. Requires a genuine entry.
bool LogReplay::is_allowed(const LogEntry& entry) const {
  if (!entry.adds.empty() && !may_add_objects(entry.type)) return false;
  if (!entry.deletes.empty() && !may_delete_objects(entry.type)) return false;
  if (entry.signer.is_zero()) return is_root_entry(entry.type);
  return may_append(state_.certificates.at(entry.signer).body.role, entry.type);
}

void LogReplay::judge(const ParsedLogEntry& parsed) {
  const LogEntry& entry = parsed.plain;
  if (!is_genuine(parsed)) {
    return mark_broken(entry.number, "log_entry_forged",
                       "is not signed by a slot with a certificate");
  }
  if (state_.is_revoked(entry.signer, entry.number)) {
    return report(Finding::Weight::note, "log_entry_revoked", entry.number,
                  "is from a revoked slot: void");
  }
  if (!is_known_log_entry_type(static_cast<std::uint8_t>(entry.type))) {
    return mark_unknown(entry.number, "is of a type that only a newer coppice knows");
  }
  if (!is_allowed(entry)) {
    return report(Finding::Weight::note, "log_entry_not_allowed", entry.number,
                  "its signer may not append this: passed over");
  }
  if (entry.signer.is_zero()) return obey_root(parsed);
  if (entry.type == LogEntryType::checkpoint) return obey_checkpoint(parsed);
  const Role role = state_.certificates.at(entry.signer).body.role;
  const Bytes body = open(parsed);
  obey(state_, {entry, body, role}, keys_.identity(ChunkClass::metadata));
}

/// Only the root names epochs; an unknown one is a slot's lie, and no reason to give up for want of
/// a key.
Bytes LogReplay::open(const ParsedLogEntry& entry) const {
  if (!state_.epochs.contains(entry.plain.epoch))
    throw_damaged("log entry: sealed for an unknown epoch");
  return open_log_body(entry, keys_.repository_key(entry.plain.epoch));
}

void LogReplay::obey_root(const ParsedLogEntry& entry) {
  if (entry.file.size() > kMaxRootEntryBytes)
    throw_damaged("log entry: too large for one of the root key");
  switch (entry.plain.type) {
    case LogEntryType::certificate:
      obey_certificate(entry);
      break;
    case LogEntryType::revocation:
      obey_revocation(entry);
      break;
    default:
      obey_epoch(entry);
  }
  state_.root_entries.push_back(entry.file);
}

void LogReplay::obey_certificate(const ParsedLogEntry& entry) {
  CertificateBody body = decode_certificate_body(entry.plain.public_body);
  CertificateTerms terms = decode_certificate_terms(open(entry));
  if (body.slot.is_zero()) throw_damaged("certificate: for no slot");
  if (body.slot == keys_.slot()) learn(entry.plain, body.key_boxes);
  const SlotId slot = body.slot;
  state_.certificates[slot] = {entry.plain.number, std::move(body), std::move(terms)};
}

void LogReplay::obey_revocation(const ParsedLogEntry& entry) {
  const RevocationBody body = decode_revocation_body(entry.plain.public_body);
  if (body.slot.is_zero() || !open(entry).empty()) throw_damaged("revocation: malformed");
  const auto [at, is_new] = state_.revoked_from.try_emplace(body.slot, body.from);
  if (!is_new) at->second = std::min(at->second, body.from);
}

void LogReplay::obey_epoch(const ParsedLogEntry& entry) {
  const EpochBody body = decode_epoch_body(entry.plain.public_body);
  if (body.features.incompatible != 0) {
    throw Error(ErrorKind::newer_version,
                "the repository uses features that only a newer coppice knows");
  }
  const bool is_first = state_.epochs.empty();
  if (is_first != (body.epoch == 0) || (!is_first && body.epoch <= state_.newest_epoch()) ||
      entry.plain.epoch != body.epoch) {
    throw_damaged("epoch entry: out of order");
  }
  std::vector<KeyBox> own;
  for (const SlotKeyBox& box : body.key_boxes) {
    if (box.slot == keys_.slot()) own.push_back(box.key_box);
  }
  learn(entry.plain, own);
  const Bytes sealed = open_log_body(entry, keys_.repository_key(body.epoch));
  if (is_first) {
    state_.parameters = decode_parameters(sealed);
  } else if (!sealed.empty()) {
    throw_damaged("epoch entry: parameters stand in epoch 0's alone");
  }
  state_.epochs[body.epoch] = {body.data_key, body.metadata_key};
  state_.features.compatible |= body.features.compatible;
  state_.features.read_only_compatible |= body.features.read_only_compatible;
}

/// On the way a checkpoint tells nothing new: it is compared, so that a lie is found by whoever
/// knows better. Whoever does not, because an entry was lost, takes its word, as every reader does
/// who starts there.
void LogReplay::obey_checkpoint(const ParsedLogEntry& entry) {
  const Bytes body = open(entry);
  if (!state_.broken.empty() || state_.has_unknown) {
    const bool has_unknown = state_.has_unknown;
    std::vector<std::uint64_t> checkpoints = state_.checkpoints;
    start_at(entry);
    checkpoints.push_back(entry.plain.number);
    state_.checkpoints = std::move(checkpoints);
    state_.has_unknown = has_unknown;
    return;
  }
  const LogEntry& plain = entry.plain;
  if (restate(state_) != Checkpoint{plain.adds, plain.deletes, plain.public_body, body}) {
    return mark_broken(plain.number, "log_checkpoint_differs",
                       "does not restate what the entries before it say");
  }
  state_.checkpoints.push_back(plain.number);
}

/// Fills in what the slot did not know yet; what its payload says stands.
void LogReplay::learn(const LogEntry& entry, const std::vector<KeyBox>& boxes) {
  std::map<std::uint64_t, OpenedKeys> opened;
  for (const KeyBox& box : boxes) {
    const Bytes context = key_box_context(box.epoch, box.secret, keys_.slot());
    std::optional<Secret32> secret = open_box(keys_.box_key(), context, box.box);
    if (secret) {
      opened[box.epoch].insert_or_assign(box.secret, std::move(*secret));
    } else {
      report(Finding::Weight::note, "log_key_box", entry.number, "holds a key that does not open");
    }
  }
  for (auto& epoch : opened) learn_epoch(epoch.first, std::move(epoch.second));
}

void LogReplay::learn_epoch(std::uint64_t epoch, OpenedKeys keys) {
  if (keys_.knows_epoch(epoch)) {
    keys.insert_or_assign(KeySecret::repository_key, keys_.repository_key(epoch).clone());
  }
  if (const BoxPrivateKey* known = keys_.class_key(epoch, ChunkClass::metadata)) {
    keys.insert_or_assign(KeySecret::metadata_private_key, known->seed().clone());
  }
  if (const BoxPrivateKey* known = keys_.class_key(epoch, ChunkClass::data)) {
    keys.insert_or_assign(KeySecret::data_private_key, known->seed().clone());
  }
  const auto take = [&keys](KeySecret which) -> std::optional<Secret32> {
    const auto found = keys.find(which);
    if (found == keys.end()) return std::nullopt;
    return std::move(found->second);
  };
  std::optional<Secret32> repository_key = take(KeySecret::repository_key);
  if (!repository_key) return;  // class keys alone open nothing that can be found
  keys_.learn({epoch, std::move(*repository_key), take(KeySecret::metadata_private_key),
               take(KeySecret::data_private_key)});
}

}  // namespace coppice
