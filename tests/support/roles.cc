#include "support/roles.h"

#include "crypto/random.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/slot.h"

namespace coppice::test {

Credential passkey(std::uint8_t byte) {
  return Credential::from_key_file(Secret32(Bytes(32, byte)));
}

void add_slot(Repository& owned, Role role, std::uint8_t byte) {
  const Keyring& owner = owned.keyring();
  SlotPayload payload;
  payload.role = role;
  payload.slot_id = random_id<SlotId>(system_random());
  payload.repository_id = owned.id();
  payload.root_public_key = owner.root_public_key();
  payload.signing_seed = random_secret(system_random());
  payload.box_private_key = random_secret(system_random());
  payload.family_secret = owner.family_secret().clone();
  EpochSecrets epoch;
  epoch.repository_key = owner.repository_key(0).clone();
  if (role != Role::writer)
    epoch.metadata_private_key = owner.class_key(0, ChunkClass::metadata)->seed().clone();
  if (role == Role::reader)
    epoch.data_private_key = owner.class_key(0, ChunkClass::data)->seed().clone();
  payload.epochs.push_back(std::move(epoch));
  CertificateBody body;
  body.slot = payload.slot_id;
  body.role = role;
  body.signing_key = SigningKey(payload.signing_seed.clone()).public_key();
  body.box_key = BoxPrivateKey(payload.box_private_key.clone()).public_key();
  const std::string text = seal_slot(payload, passkey(byte), {}, system_random());
  for (const std::string& name :
       {slot_name(payload.slot_id), copy_name(slot_name(payload.slot_id))}) {
    owned.store().put(name, as_bytes(text));
  }
  const LogAppend entry{LogEntryType::certificate,
                        {},
                        {},
                        encode_certificate_body(body),
                        encode_certificate_terms({"label", {}, {}})};
  owned.append([&](const LogState&) { return entry; });
}

}  // namespace coppice::test
