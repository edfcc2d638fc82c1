#include "support/roles.h"

#include <doctest/doctest.h>

#include "verify_world.h"

namespace coppice::test {
namespace {

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
