#include "repo/keyring.h"

#include <string>

#include "base/error.h"
#include "crypto/kdf.h"

namespace coppice {

Keyring::Keyring(SlotPayload payload)
    : role_(payload.role),
      slot_(payload.slot_id),
      repository_(payload.repository_id),
      root_public_key_(payload.root_public_key),
      signing_key_(std::move(payload.signing_seed)),
      box_key_(std::move(payload.box_private_key)),
      family_secret_(std::move(payload.family_secret)),
      family_(derive_family_keys(family_secret_)),
      data_identity_(family_.data_id_key),
      metadata_identity_(family_.metadata_id_key) {
  if (payload.root_seed) {
    root_key_.emplace(std::move(*payload.root_seed));
    if (root_key_->public_key() != root_public_key_)
      throw_damaged("key slot: root key and its public key differ");
  }
  for (EpochSecrets& epoch : payload.epochs) learn(std::move(epoch));
}

Secret32 Keyring::local_key() const {
  return hkdf_sha256(family_secret_.view(), repository_.view(), "coppice/1 local");
}

const Secret32& Keyring::repository_key(std::uint64_t epoch) const {
  const auto found = epochs_.find(epoch);
  if (found == epochs_.end()) {
    throw Error(ErrorKind::no_key, "this key slot has no keys for epoch " + std::to_string(epoch) +
                                       ": it was made before a rotation or removed by it");
  }
  return found->second.repository_key;
}

const BoxPrivateKey* Keyring::class_key(std::uint64_t epoch, ChunkClass chunk_class) const {
  const auto found = epochs_.find(epoch);
  if (found == epochs_.end()) return nullptr;
  const auto& key =
      chunk_class == ChunkClass::data ? found->second.data_key : found->second.metadata_key;
  return key ? &*key : nullptr;
}

void Keyring::learn(EpochSecrets secrets) {
  Epoch epoch;
  epoch.repository_key = std::move(secrets.repository_key);
  if (secrets.metadata_private_key)
    epoch.metadata_key.emplace(std::move(*secrets.metadata_private_key));
  if (secrets.data_private_key) epoch.data_key.emplace(std::move(*secrets.data_private_key));
  epochs_.insert_or_assign(secrets.epoch, std::move(epoch));
}

}  // namespace coppice
