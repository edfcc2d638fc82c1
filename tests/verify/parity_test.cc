#include <doctest/doctest.h>

#include "verify_world.h"

namespace coppice::test {
namespace {

constexpr std::size_t kChunkBytes = 100'000;

/// One pack of a little above 2 MiB with parity: some blocks of data, then the tree.
Objects large_pack() {
  RepositoryFixture fixture(kChunkBytes, ParityGeometry{});
  fixture.store_tree(
      {directory("d", {file("x", noise(2'200'000, 1)), file("y", noise(1'000'000, 2))})});
  return objects_of(fixture.repository().store());
}

std::string only_pack(const Objects& objects) {
  const auto packs = names_of(objects, "packs/");
  REQUIRE(packs.size() == 1);
  REQUIRE(objects.contains(parity_name(packs[0])));
  return packs[0];
}

void spoil(Bytes& bytes, std::size_t from, std::size_t count) {
  for (std::size_t i = from; i < from + count && i < bytes.size(); ++i) bytes[i] ^= 0x5A;
}

}  // namespace

TEST_CASE("damage that parity heals is healable, wherever it is in the pack") {
  const Objects intact = large_pack();
  CHECK(keyless(intact).findings.all.empty());
  CHECK(keyed(intact, reading_data()).findings.all.empty());
  const std::string pack = only_pack(intact);
  const std::size_t size = intact.at(pack).size();
  // Every 64 KiB, so that blocks, trees, table, padding and footer are all hit.
  std::vector<std::size_t> places{0, 40, size - 1};
  for (std::size_t at = 65536; at < size; at += 65536) places.push_back(at);
  for (const std::size_t at : places) {
    CAPTURE(at);
    Objects objects = intact;
    spoil(objects.at(pack), at, 1);
    const Outcome without_key = keyless(objects);
    CHECK_MESSAGE(without_key.exit() == 14, without_key.findings.text());
    CHECK(without_key.findings.has("pack_damaged", pack));
    const Outcome data = keyed(objects, reading_data());
    CHECK_MESSAGE(data.exit() == 14, data.findings.text());
    CHECK(data.findings.has("pack_damaged", pack));
  }
}

TEST_CASE("a pack that was cut a little short is healable, one that is gone is not") {
  Objects objects = large_pack();
  const std::string pack = only_pack(objects);
  const Bytes whole = objects.at(pack);
  objects.at(pack).resize(whole.size() - 5000);
  for (const Outcome& outcome :
       {keyless(objects), keyed(objects), keyed(objects, reading_data())}) {
    CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
  }
  objects.erase(pack);
  for (const Outcome& outcome :
       {keyless(objects), keyed(objects), keyed(objects, reading_data())}) {
    CHECK_MESSAGE(outcome.exit() == 13, outcome.findings.text());
    CHECK(outcome.findings.has("pack_missing", pack));
  }
}

TEST_CASE("a damaged parity file is healable, and of no use to a pack that is damaged, too") {
  const Objects intact = large_pack();
  const std::string pack = only_pack(intact);
  const std::string parity = parity_name(pack);
  const std::size_t size = intact.at(parity).size();
  for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
    Objects objects = intact;
    spoil(objects.at(parity), at, 1);
    CHECK(keyless(objects).findings.has("side_file_damaged", parity));
    CHECK(keyless(objects).exit() == 14);
    CHECK(keyed(objects, reading_data()).exit() == 14);
  }
  Objects objects = intact;
  objects.erase(parity);
  for (const Outcome& outcome :
       {keyless(objects), keyed(objects), keyed(objects, reading_data())}) {
    CHECK(outcome.exit() == 14);
    CHECK(outcome.findings.has("side_file_missing", parity));
  }
  spoil(objects.at(pack), 500'000, 1);
  CHECK(keyless(objects).exit() == 13);
  CHECK(keyed(objects, reading_data()).exit() == 13);
}

TEST_CASE("damage beyond parity names the files that are hurt, and spares the others") {
  Objects objects = large_pack();
  const std::string pack = only_pack(objects);
  spoil(objects.at(pack), 100, 200'000);  // more than 3 %, all of it in the first block
  const Outcome data = keyed(objects, reading_data());
  CHECK(data.exit() == 13);
  CHECK(data.findings.has("pack_damaged", pack));
  std::vector<std::string> hurt;
  for (const Finding& finding : data.findings.all) {
    if (finding.code == "content_damaged")
      hurt.push_back(finding.item.substr(finding.item.find(':')));
  }
  CHECK_MESSAGE(hurt == std::vector<std::string>{":/d/x"}, data.findings.text());
  CHECK(data.findings.all.size() == 2);
}

TEST_CASE("a tree in a pack that parity heals is read, and the pack told of") {
  Objects objects = large_pack();
  const std::string pack = only_pack(objects);
  // The trees are in the last block, before the table: find it by damage that structure alone
  // meets.
  bool was_met = false;
  for (std::size_t at = 3'200'000; at < objects.at(pack).size() && !was_met; at += 100) {
    spoil(objects.at(pack), at, 1);
    const Outcome structure = keyed(objects);
    CHECK((structure.exit() == 14 || structure.exit() == 0));
    for (const Finding& finding : structure.findings.all)
      was_met = was_met || finding.code == "pack_damaged";
    spoil(objects.at(pack), at, 1);
  }
  CHECK(was_met);
}

}  // namespace coppice::test
