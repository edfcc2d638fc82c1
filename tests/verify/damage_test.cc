#include <doctest/doctest.h>

#include "verify_world.h"

/// Every object of a small repository, damaged in every way: found with the right weight by both
/// verifications, or harmless by definition.
namespace coppice::test {
namespace {

Objects small_repository() {
  RepositoryFixture fixture;
  fixture.store_tree({directory("docs", {file("a", noise(3500, 1)), file("b", "short")}),
                      file("big", noise(9000, 2))});
  fixture.store_tree({directory("docs", {file("a", noise(3500, 1)), file("b", "other")}),
                      file("big", noise(9000, 3))});
  add_index_object(fixture.repository());
  return objects_of(fixture.repository().store());
}

struct Damage {
  std::string name;
  std::function<void(Objects&, const std::string&)> inflict;
};

void flip(Bytes& bytes, std::size_t at) { bytes.at(at) ^= 0x10; }

std::vector<Damage> damages() {
  return {
      {"first byte flipped", [](Objects& o, const std::string& n) { flip(o.at(n), 0); }},
      {"middle byte flipped",
       [](Objects& o, const std::string& n) { flip(o.at(n), o.at(n).size() / 2); }},
      {"last byte flipped",
       [](Objects& o, const std::string& n) { flip(o.at(n), o.at(n).size() - 1); }},
      {"last byte cut", [](Objects& o, const std::string& n) { o.at(n).pop_back(); }},
      {"cut to half", [](Objects& o, const std::string& n) { o.at(n).resize(o.at(n).size() / 2); }},
      {"emptied", [](Objects& o, const std::string& n) { o.at(n).clear(); }},
      {"one byte too many", [](Objects& o, const std::string& n) { o.at(n).push_back(0); }},
      {"removed", [](Objects& o, const std::string& n) { o.erase(n); }},
  };
}

/// The reserve has no meaning: nobody reads it.
bool is_harmless(const std::string& name) { return is_reserve_name(name); }

/// The line feed at the end of a JSON text may be there or not (docs/format.md, section 3).
bool is_line_feed_lost(const std::string& name, const Damage& damage) {
  return damage.name == "last byte cut" && (name == kHeaderName || name.starts_with("slots/"));
}

}  // namespace

TEST_CASE("an intact repository gives no finding, with one worker and with several") {
  const Objects objects = small_repository();
  for (const unsigned threads : {1U, 4U}) {
    const Outcome without_key = keyless(objects, {}, threads);
    CHECK_MESSAGE(without_key.findings.all.empty(), without_key.findings.text());
    CHECK(without_key.result.packs == 2);
    CHECK(without_key.result.bytes_read > 0);
    const Outcome structure = keyed(objects, {}, threads);
    CHECK_MESSAGE(structure.findings.all.empty(), structure.findings.text());
    CHECK(structure.result.blocks == 0);
    const Outcome data = keyed(objects, reading_data(), threads);
    CHECK_MESSAGE(data.findings.all.empty(), data.findings.text());
    CHECK(data.exit() == 0);
    CHECK(data.result.snapshots == 2);
    CHECK(data.result.trees == 4);
    CHECK(data.result.blocks == 4);
    // First snapshot: 4 + 1 + 9 data chunks, 2 trees; second: 1 + 9 and 2.
    CHECK(data.result.chunks == 28);
  }
}

TEST_CASE("damage to any one file is found and healable") {
  const Objects intact = small_repository();
  for (const auto& object : intact) {
    const auto& name = object.first;  // not structured bindings: clang 14 cannot capture those
    for (const Damage& damage : damages()) {
      CAPTURE(name);
      CAPTURE(damage.name);
      Objects objects = intact;
      damage.inflict(objects, name);
      const int expected = is_harmless(name) ? 0 : 14;
      const Outcome without_key = keyless(objects);
      CHECK_MESSAGE(without_key.exit() == expected, without_key.findings.text());
      const Outcome data = keyed(objects, reading_data());
      CHECK_MESSAGE(data.exit() == expected, data.findings.text());
      CHECK(data.result.damaged == 0);
    }
  }
}

TEST_CASE("damage to a file and its second copy is found and is not healable") {
  const Objects intact = small_repository();
  for (const auto& object : intact) {
    const auto& name = object.first;  // not structured bindings: clang 14 cannot capture those
    if (!intact.contains(copy_name(name))) continue;
    for (const Damage& damage : damages()) {
      CAPTURE(name);
      CAPTURE(damage.name);
      Objects objects = intact;
      damage.inflict(objects, name);
      damage.inflict(objects, copy_name(name));
      const bool is_removed = !objects.contains(name);
      // Without a key nobody knows how many slots, or how many entries after the last, there were.
      const bool is_tail = name == names_of(intact, "log/").back();
      const bool is_harmless_to_storage = is_line_feed_lost(name, damage) ||
                                          (is_removed && (name.starts_with("slots/") || is_tail));
      const Outcome without_key = keyless(objects);
      CHECK_MESSAGE(without_key.exit() == (is_harmless_to_storage ? 0 : 13),
                    without_key.findings.text());
      const Outcome data = keyed(objects, reading_data());
      int expected = 13;
      if (name.starts_with("index/")) expected = 14;  // the packs' tables say the same
      if (name.starts_with("packs/") && damage.name == "one byte too many")
        expected = 14;  // nothing is lost
      if (name.starts_with("slots/")) expected = 12;
      if (name == kHeaderName && !objects.contains(name)) expected = 10;
      if (name == kHeaderName && damage.name == "emptied") expected = 10;
      if (is_line_feed_lost(name, damage) || (is_removed && is_tail)) expected = 0;
      CHECK_MESSAGE(data.exit() == expected, data.findings.text());
    }
  }
}

TEST_CASE("packs that were swapped are found") {
  Objects objects = small_repository();
  const auto packs = names_of(objects, "packs/");
  REQUIRE(packs.size() == 2);
  std::swap(objects.at(packs[0]), objects.at(packs[1]));
  CHECK(keyless(objects).exit() == 14);
  CHECK(keyed(objects).exit() == 14);
  CHECK(keyed(objects, reading_data()).exit() == 14);
  std::swap(objects.at(copy_name(packs[0])), objects.at(copy_name(packs[1])));
  CHECK(keyless(objects).exit() == 13);
  // Who can open the packs sees that everything is there, if only under wrong names.
  CHECK(keyed(objects).exit() == 14);
  CHECK(keyed(objects, reading_data()).exit() == 14);
}

TEST_CASE("strangers' files and an interrupted session's pack are no damage") {
  Objects objects = small_repository();
  objects["packs/ab/notes"] = Bytes(10);
  objects["slots/notes.txt"] = Bytes(10);
  objects["lost.found/x"] = Bytes(10);
  objects["sessions/" + std::string(64, 'a') + ".00000001"] = {};
  const Outcome strange = keyless(objects);
  CHECK_MESSAGE(strange.findings.all.empty(), strange.findings.text());
  CHECK(keyed(objects, reading_data()).findings.all.empty());
  const std::string unlogged = pack_name(blake3(as_bytes("x")));
  objects[unlogged] = to_bytes(as_bytes("x"));
  for (const Outcome& outcome : {keyless(objects), keyed(objects, reading_data())}) {
    CHECK(outcome.exit() == 0);
    CHECK(outcome.findings.has("pack_unlogged", unlogged));
  }
}

}  // namespace coppice::test
