#include <doctest/doctest.h>

#include "verify_world.h"

namespace coppice::test {
namespace {

Credential passkey(std::uint8_t byte) {
  return Credential::from_key_file(Secret32(Bytes(32, byte)));
}

/// Adds a slot with this role, opened by passkey(`byte`), as `key add` does.
void add_slot(Repository& repository, Role role, std::uint8_t byte) {
  const Keyring& owner = repository.keyring();
  SlotPayload payload;
  payload.role = role;
  payload.slot_id = random_id<SlotId>(system_random());
  payload.repository_id = repository.id();
  payload.root_public_key = owner.root_public_key();
  payload.signing_seed = random_secret(system_random());
  payload.box_private_key = random_secret(system_random());
  payload.family_secret = owner.family_secret().clone();
  EpochSecrets epoch;
  epoch.repository_key = owner.repository_key(0).clone();
  if (role != Role::writer)
    epoch.metadata_private_key = owner.class_key(0, ChunkClass::metadata)->seed().clone();
  payload.epochs.push_back(std::move(epoch));
  CertificateBody body;
  body.slot = payload.slot_id;
  body.role = role;
  body.signing_key = SigningKey(payload.signing_seed.clone()).public_key();
  body.box_key = BoxPrivateKey(payload.box_private_key.clone()).public_key();
  const std::string text = seal_slot(payload, passkey(byte), {}, system_random());
  for (const std::string& name :
       {slot_name(payload.slot_id), copy_name(slot_name(payload.slot_id))}) {
    repository.store().put(name, as_bytes(text));
  }
  const LogAppend entry{LogEntryType::certificate,
                        {},
                        {},
                        encode_certificate_body(body),
                        encode_certificate_terms({"label", {}, {}})};
  repository.append([&](const LogState&) { return entry; });
}

Outcome verified_as(const Objects& objects, std::uint8_t byte) {
  MemoryStore store(objects);
  ThreadPool pool(2);
  Outcome outcome;
  FindingList dropped;
  const auto repository = Repository::open(store, passkey(byte), {}, dropped);
  outcome.result = verify_repository(*repository, pool, reading_data(), outcome.findings);
  return outcome;
}

}  // namespace

TEST_CASE("an auditor verifies contents without reading them, a writer says what it cannot") {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", noise(3000, 1))});
  add_slot(fixture.repository(), Role::auditor, 20);
  add_slot(fixture.repository(), Role::writer, 21);
  Objects objects = objects_of(fixture.repository().store());
  const Outcome auditor = verified_as(objects, 20);
  CHECK_MESSAGE(auditor.findings.all.empty(), auditor.findings.text());
  CHECK(auditor.result.blocks == 1);  // metadata
  CHECK(auditor.result.snapshots == 1);
  const Outcome writer = verified_as(objects, 21);
  CHECK(writer.exit() == 3);
  CHECK(writer.findings.has("snapshots_unreadable", "snapshots"));
  // Damage to contents is found by either.
  const std::string pack = names_of(objects, "packs/").front();
  objects.at(pack)[1000] ^= 1;
  objects.at(copy_name(pack))[1000] ^= 1;
  CHECK(verified_as(objects, 20).exit() == 13);
  CHECK(verified_as(objects, 21).exit() == 13);
}

TEST_CASE("a slot that has a certificate but no file is missed") {
  RepositoryFixture fixture;
  add_slot(fixture.repository(), Role::auditor, 20);
  Objects objects = objects_of(fixture.repository().store());
  CHECK(keyed(objects).exit() == 0);
  std::string lost;
  for (const std::string& name : names_of(objects, "slots/")) {
    if (name != slot_name(fixture.repository().keyring().slot())) lost = name;
  }
  objects.erase(lost);
  objects.erase(copy_name(lost));
  const Outcome outcome = keyed(objects);
  CHECK(outcome.exit() == 13);
  CHECK(outcome.findings.has("slot_damaged", lost));
}

}  // namespace coppice::test
