#include "repo/repository.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "crypto/random.h"
#include "repo/object_names.h"
#include "repo/role_rights.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxTextBytes = 1 << 20;

/// What `decode` makes of the object or, if that fails, of its second copy; a failing first one is
/// reported.
template <typename Decode>
auto read_twin(Store& store, const std::string& name, FindingSink& findings, const Decode& decode)
    -> decltype(decode(ByteView{})) {
  try {
    return decode(store.read_all(name, kMaxTextBytes));
  } catch (const Error& first) {
    if (first.kind() != ErrorKind::damaged && first.kind() != ErrorKind::no_repository) throw;
    try {
      auto result = decode(store.read_all(copy_name(name), kMaxTextBytes));
      findings.report({Finding::Weight::healable, "object_damaged", name,
                       std::string(first.what()) + "; its second copy was used"});
      return result;
    } catch (const Error&) {
      throw first;
    }
  }
}

Header read_header(Store& store, FindingSink& findings) {
  if (!store.size(kHeaderName) && !store.size(copy_name(kHeaderName))) {
    throw Error(ErrorKind::no_repository,
                store.description() +
                    " is not a coppice repository (it has no file named 'header'); is the "
                    "target mounted? To make a repository there: coppice init");
  }
  return read_twin(store, kHeaderName, findings,
                   [](ByteView bytes) { return decode_header(bytes); });
}

/// Names and texts of all slots, from the repository or from the export.
/// Files of strangers, which copying leaves behind, are none.
bool is_slot_file(const std::string& name) {
  SlotId slot;
  return from_hex(std::string_view(name).substr(name.find('/') + 1), slot.bytes) &&
         name == slot_name(slot);
}

std::vector<std::pair<std::string, Bytes>> read_slots(Store& store,
                                                      const HeaderExport* header_export,
                                                      FindingSink& findings) {
  if (header_export != nullptr) return header_export->slots;
  std::vector<std::string> names;
  for (const ObjectInfo& object : store.list("slots/")) {
    std::string name = object.name;
    if (name.ends_with(".copy")) name.resize(name.size() - 5);
    if (is_slot_file(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::pair<std::string, Bytes>> slots;
  for (const std::string& name : names) {
    try {
      slots.emplace_back(name, read_twin(store, name, findings, [](ByteView bytes) {
                           parse_slot(bytes);
                           return to_bytes(bytes);
                         }));
    } catch (const Error& error) {  // per item: another slot may open
      findings.report({Finding::Weight::damaged, "slot_damaged", name, error.what()});
    }
  }
  return slots;
}

SlotPayload open_some_slot(const std::vector<std::pair<std::string, Bytes>>& slots,
                           const Id& repository, const Credential& credential,
                           FindingSink& findings) {
  for (const auto& [name, text] : slots) {
    try {
      if (auto payload = open_slot(text, repository, credential)) return std::move(*payload);
    } catch (const Error& error) {  // per item: another slot may open
      findings.report({Finding::Weight::damaged, "slot_damaged", name, error.what()});
    }
  }
  const char* what = credential.kdf() == SlotKdf::scrypt ? "wrong passphrase" : "wrong key file";
  throw Error(ErrorKind::no_key, std::string(what) + ": it opens none of the " +
                                     std::to_string(slots.size()) +
                                     " key slots of this repository");
}

}  // namespace

Repository::Repository(Store& store, Keyring keyring, Header header, HostState* host_state)
    : store_(store),
      keyring_(std::move(keyring)),
      header_(std::move(header)),
      host_state_(host_state) {
  log_ = std::make_unique<Log>(store_, keyring_, system_random(), is_read_only(header_));
  secrets_ = std::make_unique<SessionSecrets>(
      keyring_, [this](const Id& session) { return find_session_boxes(session); });
}

Repository::~Repository() = default;

std::unique_ptr<Repository> Repository::open(Store& store, const Credential& credential,
                                             const OpenOptions& options, FindingSink& findings) {
  Header header = options.header_export != nullptr ? decode_header(options.header_export->header)
                                                   : read_header(store, findings);
  const auto slots = read_slots(store, options.header_export, findings);
  Keyring keyring(open_some_slot(slots, header.repository_id, credential, findings));
  auto repository = std::unique_ptr<Repository>(
      new Repository(store, std::move(keyring), std::move(header), options.host_state));
  if (options.header_export != nullptr) repository->log_->use_spare(options.header_export->log);
  repository->log_->refresh();
  const LogState& state = repository->state();
  for (Finding finding : state.findings) {
    const auto number = log_number_of(finding.item);
    // An owner has seen and settled it.
    if (number && state.void_numbers.contains(*number)) finding.weight = Finding::Weight::note;
    findings.report(finding);
  }
  if (!state.parameters || state.epochs.empty()) {
    throw Error(ErrorKind::damaged,
                "the log's first entries cannot be read: " + store.description() +
                    " has lost what says how it is to be read");
  }
  repository->expect_no_rollback();
  repository->remember_tail();
  return repository;
}

void Repository::expect_no_rollback() {
  if (host_state_ == nullptr) return;
  const auto seen = host_state_->last_seen(id());
  if (!seen) return;
  // Another process of this machine may have appended, and remembered, since the log was read.
  if (state().next_number <= seen->number) log_->refresh();
  const bool is_shorter = state().next_number <= seen->number;
  std::optional<Id> hash;
  if (!is_shorter)
    hash =
        seen->number + 1 == state().next_number ? state().last_hash : log_->hash_of(seen->number);
  // An entry before a checkpoint may be gone, and then says nothing; a broken one is a finding of
  // its own.
  if (!is_shorter && (!hash || *hash == seen->hash)) return;
  throw Error(ErrorKind::damaged,
              "the repository was rolled back or exchanged: this machine has seen log entry " +
                  std::to_string(seen->number) + " (" + seen->hash.short_hex() + "), which " +
                  (is_shorter ? "is not there any more" : "is another one now") +
                  ". If an older copy was put in place on purpose, delete " +
                  host_state_->head_file(id()));
}

void Repository::remember_tail() {
  if (host_state_ == nullptr || state().next_number == 0 || !state().last_hash) return;
  // What another process of this machine saw later must not be forgotten.
  const auto seen = host_state_->last_seen(id());
  if (seen && seen->number >= state().next_number) return;
  host_state_->remember(id(), {state().next_number - 1, *state().last_hash});
}

std::optional<ParityGeometry> Repository::parity() const {
  const Parameters& p = parameters();
  if (p.parity_data_sectors == 0) return std::nullopt;
  return ParityGeometry{p.parity_data_sectors, p.parity_sectors};
}

Chunker Repository::chunker() const {
  const auto params = ChunkerParams::try_with_average(parameters().average_chunk_bytes);
  if (!params) throw_damaged("the repository's chunk size is out of range");
  return Chunker(keyring_.family().chunker_secret, *params);
}

void Repository::refresh() {
  log_->refresh();
  remember_tail();
}

std::uint64_t Repository::append(const Log::MakeEntry& make) {
  const std::uint64_t number = log_->append(make);
  remember_tail();
  return number;
}

Session Repository::begin_session(RandomSource& random, const std::string& host,
                                  Timestamp now) const {
  const std::uint64_t epoch = state().newest_epoch();
  Session session = make_session(state().epochs.at(epoch), epoch, random);
  session.record.repository = id();
  session.record.box.writer = keyring_.slot();
  session.record.host = host.substr(0, kMaxHostNameBytes);
  session.record.process_id = static_cast<std::uint64_t>(getpid());
  session.record.started = now;
  if (state().session_boxes.contains(session.id)) {
    throw Error(ErrorKind::no_session,
                "this machine's random generator repeats itself (a cloned or restored virtual "
                "machine?): the session it "
                "drew is in the log already; nothing was written; run the command again");
  }
  return session;
}

std::vector<SessionBox> Repository::find_session_boxes(const Id& session) const {
  const auto found = state().session_boxes.find(session);
  if (found != state().session_boxes.end()) return found->second;
  return {read_session_record(session).box};
}

SessionRecord Repository::read_session_record(const Id& session) const {
  const std::string name = session_name(session);
  std::optional<Error> first;
  for (const std::string& object : {name, copy_name(name)}) {
    try {
      const ParsedSessionRecord parsed =
          parse_session_record(store_.read_all(object, kMaxSessionRecordBytes));
      const auto certificate = state().certificates.find(parsed.plain.box.writer);
      const bool is_genuine =
          certificate != state().certificates.end() && parsed.plain.box.session == session &&
          is_session_record_signed_by(parsed, certificate->second.body.signing_key);
      if (!is_genuine)
        throw_damaged("session record " + session.short_hex() + " is not signed by a known slot");
      return parsed.plain;
    } catch (const Error& error) {
      if (!error.is_about_bytes()) throw;
      if (!first) first = error;
    }
  }
  throw *first;
}

HeaderExport Repository::make_export() const {
  HeaderExport content;
  content.repository_id = id();
  content.header = to_bytes(as_bytes(encode_header(header_)));
  for (const ObjectInfo& object : store_.list("slots/")) {
    if (!is_slot_file(object.name)) continue;
    content.slots.emplace_back(object.name.substr(object.name.find('/') + 1),
                               store_.read_all(object.name, kMaxTextBytes));
  }
  content.log = state().root_entries;
  return content;
}

}  // namespace coppice
