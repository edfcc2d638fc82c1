#pragma once
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "repo/checkpoint.h"
#include "repo/log.h"
#include "repo/object_names.h"
#include "support/memory_store.h"

namespace coppice::test {

/// Repeatable "random" bytes, so that a failure can be looked at again.
class SeededRandom : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance() { return below(2) == 0; }

 private:
  std::mt19937_64 engine_;
};

inline Id name_of(std::string_view text) { return blake3(as_bytes(text)); }
inline ObjectRef pack_ref(std::string_view text) {
  return {ObjectKind::pack, Side::parity, name_of(text), 16384 + text.size()};
}
inline ObjectRef index_ref(std::string_view text) {
  return {ObjectKind::index, Side::copy, name_of(text), 16384};
}

/// A repository's keys, five slots and a log with epoch 0 and their certificates (entries 0 … 5).
class LogWorld {
 public:
  explicit LogWorld(std::uint64_t seed = 1)
      : random(seed),
        repository(random_id(random)),
        root(random_secret(random)),
        family_(random_secret(random)) {
    add_epoch_keys(0);
    for (const auto& [name, role] : kSlots) slots_.emplace(name, make_slot(role));
    Log log(store, keys("owner"), random);
    log.append(epoch_entry(0, {}));
    for (const auto& [name, role] : kSlots) log.append(certificate_entry(name));
  }

  /// The keyring of "owner", "auditor", "reader", "writer" or "other", with the epochs known when
  /// it is first used.
  Keyring& keys(const std::string& name) {
    const auto found = keyrings_.find(name);
    if (found != keyrings_.end()) return found->second;
    return keyrings_.emplace(name, Keyring(payload(name, {0}))).first->second;
  }
  const SlotId& slot(const std::string& name) { return slots_.at(name).id; }
  Log log(const std::string& name) { return {store, keys(name), random}; }

  SlotPayload payload(const std::string& name, const std::vector<std::uint64_t>& epochs) {
    const Slot& slot = slots_.at(name);
    SlotPayload payload;
    payload.role = slot.role;
    payload.slot_id = slot.id;
    payload.repository_id = repository;
    payload.root_public_key = root.public_key();
    payload.signing_seed = slot.signing_key.seed().clone();
    payload.box_private_key = slot.box_key.seed().clone();
    payload.family_secret = family_.clone();
    for (const std::uint64_t epoch : epochs) {
      EpochSecrets secrets;
      secrets.epoch = epoch;
      secrets.repository_key = epochs_.at(epoch).repository_key.clone();
      if (slot.role != Role::writer) {
        secrets.metadata_private_key = epochs_.at(epoch).metadata_key.seed().clone();
      }
      if (slot.role == Role::reader || slot.role == Role::owner) {
        secrets.data_private_key = epochs_.at(epoch).data_key.seed().clone();
      }
      payload.epochs.push_back(std::move(secrets));
    }
    if (slot.role == Role::owner) payload.root_seed = root.seed().clone();
    return payload;
  }

  void add_epoch_keys(std::uint64_t epoch) {
    epochs_.emplace(epoch, EpochKeys{random_secret(random), BoxPrivateKey(random_secret(random)),
                                     BoxPrivateKey(random_secret(random))});
  }

  /// An epoch entry with the keys of `add_epoch_keys` and boxes of the repository key (for readers,
  /// of all keys).
  LogAppend epoch_entry(std::uint64_t epoch, const std::vector<std::string>& members,
                        FeatureBits features = {}) {
    const EpochKeys& epoch_keys = epochs_.at(epoch);
    EpochBody body{epoch,
                   epoch_keys.data_key.public_key(),
                   epoch_keys.metadata_key.public_key(),
                   features,
                   {}};
    for (const std::string& name : members) {
      const auto box = [&](KeySecret secret, const Secret32& key) {
        const Slot& slot = slots_.at(name);
        body.key_boxes.push_back(
            {slot.id,
             {epoch, secret,
              seal_box(slot.box_key.public_key(), key_box_context(epoch, secret, slot.id), key,
                       random)}});
      };
      box(KeySecret::repository_key, epoch_keys.repository_key);
      if (slots_.at(name).role == Role::reader) {
        box(KeySecret::metadata_private_key, epoch_keys.metadata_key.seed());
        box(KeySecret::data_private_key, epoch_keys.data_key.seed());
      }
    }
    LogAppend entry{LogEntryType::epoch, {}, {}, encode_epoch_body(body), {}};
    if (epoch == 0) {
      entry.body = encode_parameters(
          {1 << 17, Cipher::aes_256_gcm, 3, 247, 8, keys("owner").family().family_name});
    }
    return entry;
  }

  LogAppend certificate_entry(const std::string& name) {
    const Slot& slot = slots_.at(name);
    return {LogEntryType::certificate,
            {},
            {},
            encode_certificate_body(
                {slot.id, slot.role, slot.signing_key.public_key(), slot.box_key.public_key(), {}}),
            encode_certificate_terms({name, {"host-" + name}, {slots_.at("owner").id}})};
  }

  SessionBox session(std::string_view text, const SlotId& writer) {
    SessionBox box{name_of(text), 0, {}, {}, writer};
    random.fill(box.data_box);
    random.fill(box.metadata_box);
    return box;
  }

  /// A snapshot whose record is the text; its id is `snapshot_id(text)`.
  LogAppend snapshot_entry(std::string_view record, std::vector<ObjectRef> adds = {},
                           std::vector<SessionBox> sessions = {}) {
    return {LogEntryType::snapshot,
            std::move(adds),
            {},
            {},
            encode_snapshot_body({to_bytes(as_bytes(record)), std::move(sessions)})};
  }
  Id snapshot_id(std::string_view record) {
    return keys("owner").identity(ChunkClass::metadata).id(as_bytes(record));
  }

  /// Appends without any of Log's checks, as a hostile slot could: `change` may alter the entry
  /// before it is signed.
  template <typename Change>
  std::uint64_t append_unchecked(const std::string& name, const LogAppend& what,
                                 const Change& change) {
    Log reader = log("owner");
    const LogState& state = reader.refresh();
    LogEntry entry;
    entry.type = what.type;
    entry.number = state.next_number;
    entry.repository = repository;
    entry.predecessor = state.last_hash.value_or(Id{});
    entry.signer = slot(name);
    random.fill(entry.nonce);
    entry.checkpoint = state.checkpoint_field();
    entry.adds = what.adds;
    entry.deletes = what.deletes;
    entry.public_body = what.public_body;
    entry.body = what.body;
    change(entry);
    put(entry.number,
        encode_log_entry(entry, epochs_.at(0).repository_key, slots_.at(name).signing_key));
    return entry.number;
  }
  std::uint64_t append_unchecked(const std::string& name, const LogAppend& what) {
    return append_unchecked(name, what, [](LogEntry&) {});
  }

  /// Both files of an entry.
  void put(std::uint64_t number, ByteView file) {
    store.put(log_entry_name(number), file);
    store.put(copy_name(log_entry_name(number)), file);
  }
  void remove(std::uint64_t number) {
    store.remove(log_entry_name(number));
    store.remove(copy_name(log_entry_name(number)));
  }
  Bytes file(std::uint64_t number) {
    return store.read_all(log_entry_name(number), kMaxLogEntryBytes);
  }
  const Secret32& repository_key(std::uint64_t epoch) { return epochs_.at(epoch).repository_key; }
  const SigningKey& signing_key(const std::string& name) { return slots_.at(name).signing_key; }

  SeededRandom random;
  MemoryStore store;
  Id repository;
  SigningKey root;

 private:
  struct EpochKeys {
    Secret32 repository_key;
    BoxPrivateKey data_key;
    BoxPrivateKey metadata_key;
  };
  struct Slot {
    Role role;
    SlotId id;
    SigningKey signing_key;
    BoxPrivateKey box_key;
  };
  inline static const std::vector<std::pair<std::string, Role>> kSlots = {
      {"owner", Role::owner},
      {"auditor", Role::auditor},
      {"reader", Role::reader},
      {"writer", Role::writer},
      {"other", Role::writer}};

  Slot make_slot(Role role) {
    return {role, random_id<SlotId>(random), SigningKey(random_secret(random)),
            BoxPrivateKey(random_secret(random))};
  }

  Secret32 family_;
  std::map<std::uint64_t, EpochKeys> epochs_;
  std::map<std::string, Slot> slots_;
  std::map<std::string, Keyring> keyrings_;
};

/// The number of the first entry after the world's own.
inline constexpr std::uint64_t kFirstFree = 6;

/// Findings with this code.
inline std::size_t count_findings(const std::vector<Finding>& findings, std::string_view code) {
  std::size_t count = 0;
  for (const Finding& finding : findings) count += finding.code == code ? 1 : 0;
  return count;
}

/// All that both a replay of everything and a start from a checkpoint must agree on.
inline bool is_same_state(const LogState& a, const LogState& b) {
  return restate(a) == restate(b) && a.parameters == b.parameters && a.epochs == b.epochs &&
         a.features == b.features && a.certificates == b.certificates &&
         a.revoked_from == b.revoked_from && a.root_entries == b.root_entries &&
         a.snapshots == b.snapshots && a.session_boxes == b.session_boxes &&
         a.objects == b.objects && a.index_names == b.index_names && a.condemned == b.condemned &&
         a.attested == b.attested && a.damaged == b.damaged && a.drill == b.drill &&
         a.next_number == b.next_number && a.last_hash == b.last_hash &&
         a.checkpoint_field() == b.checkpoint_field() && a.void_numbers == b.void_numbers &&
         a.broken == b.broken && a.has_unknown == b.has_unknown;
}

}  // namespace coppice::test
