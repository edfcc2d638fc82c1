#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "crypto/hash.h"
#include "repair_world.h"
#include "repo/header.h"

using namespace coppice;
using namespace coppice::test;

namespace {

/// A large pack with parity, a small one with a second copy.
Objects some_repository() {
  RepositoryFixture fixture(100'000, ParityGeometry{});
  fixture.store_tree({directory("d", {file("x", noise(2'000'000, 1)), file("y", "small")})});
  fixture.store_tree({file("z", "another snapshot")});
  return objects_of(fixture.repository().store());
}

std::string large_pack(const Objects& objects) {
  for (const std::string& name : names_of(objects, "packs/")) {
    if (objects.contains(parity_name(name))) return name;
  }
  return "";
}

/// An entry that differs, and whose checksum is right.
Bytes with_other_nonce(const Bytes& entry) {
  constexpr std::size_t kNonceOffset = 8 + 1 + 1 + 8 + 32 + 32 + 16;
  constexpr std::size_t kChecksumBytes = 32;
  Bytes other = entry;
  flip_at(other, kNonceOffset);
  const Id checksum = blake3(ByteView(other).first(other.size() - kChecksumBytes));
  std::copy(checksum.bytes.begin(), checksum.bytes.end(), other.end() - kChecksumBytes);
  return other;
}

std::string small_pack(const Objects& objects) {
  for (const std::string& name : names_of(objects, "packs/")) {
    if (objects.contains(copy_name(name))) return name;
  }
  return "";
}

}  // namespace

TEST_CASE("an intact repository needs no repair, and nothing is written") {
  const Objects intact = some_repository();
  const RepairRun run = repair_keyless(intact);
  CHECK_MESSAGE(run.exit() == 0, run.findings.text());
  CHECK(run.result.planned == 0);
  CHECK(run.objects == intact);
}

TEST_CASE("any one file that is flipped, cut, emptied or missing is healed byte for byte") {
  const Objects intact = some_repository();
  for (const auto& file : intact) {
    const std::string& name = file.first;
    if (is_reserve_name(name)) continue;
    for (const std::string kind :
         {"flip first", "flip middle", "flip last", "cut", "longer", "empty", "gone"}) {
      // Of a large pack parity heals 3 %.
      const bool is_large = intact.contains(parity_name(name));
      if (is_large && (kind == "empty" || kind == "gone")) continue;
      CAPTURE(name);
      CAPTURE(kind);
      Objects objects = intact;
      Bytes& damaged = objects.at(name);
      if (kind == "flip first") flip_at(damaged, 0);
      if (kind == "flip middle") flip_at(damaged, damaged.size() / 2);
      if (kind == "flip last") flip_at(damaged, damaged.size() - 1);
      if (kind == "cut")
        damaged.resize(damaged.size() - std::min<std::size_t>(damaged.size(), 100));
      if (kind == "longer") damaged.resize(damaged.size() + 100);
      if (kind == "empty") damaged.clear();
      if (kind == "gone") objects.erase(name);
      const RepairRun dry = repair_keyless(objects, nullptr, true);
      CHECK_MESSAGE(dry.exit() == 14, dry.findings.text());
      CHECK(dry.objects == objects);
      const RepairRun run = repair_keyless(objects);
      CHECK_MESSAGE(run.exit() == 14, run.findings.text());
      CHECK(run.plan == dry.plan);
      CHECK(run.plan.size() == 1);
      CHECK(run.findings.has("healed", name));
      if (name != kReadmeName) CHECK(run.objects == intact);
      CHECK(repair_keyless(run.objects).exit() == 0);
    }
  }
}

TEST_CASE("a burst of 3 % anywhere in a pack, and what its parity file lost besides, is healed") {
  const Objects intact = some_repository();
  const std::string pack = large_pack(intact);
  REQUIRE_FALSE(pack.empty());
  const std::size_t sectors = intact.at(pack).size() / 4096;
  const std::size_t burst = sectors * 3 / 100;
  for (const std::size_t first : {std::size_t{0}, sectors / 3, sectors - burst}) {
    Objects objects = intact;
    flip_sectors(objects.at(pack), first, burst);
    CHECK(repair_keyless(objects).objects == intact);
    flip_at(objects.at(parity_name(pack)), 5);  // a header page has two copies more
    const RepairRun run = repair_keyless(objects);
    CHECK(run.exit() == 14);
    CHECK(run.plan.size() == 2);
    CHECK(run.objects == intact);
  }
}

TEST_CASE("what is beyond repair stays as it is, is told, and does not hinder the rest") {
  const Objects intact = some_repository();
  Objects objects = intact;
  const std::string large = large_pack(objects);
  const std::string small = small_pack(objects);
  REQUIRE_FALSE(small.empty());
  flip_sectors(objects.at(large), 0, objects.at(large).size() / 4096 / 2);
  flip_at(objects.at(small), 100);
  const Bytes damaged = objects.at(large);
  const RepairRun run = repair_keyless(objects);
  CHECK(run.exit() == 13);
  CHECK(run.findings.has("beyond_repair", large));
  CHECK(run.findings.has("healed", small));
  CHECK(run.result.lost_packs.size() == 1);
  CHECK(run.objects.at(large) == damaged);
  CHECK(run.objects.at(small) == intact.at(small));
}

TEST_CASE(
    "another store gives packs, and a copy of this one log entries and session records, too") {
  const Objects intact = some_repository();
  Objects objects = intact;
  for (const auto& [name, bytes] : intact) {
    if (name.starts_with("packs/") || name.starts_with("sessions/")) objects.erase(name);
  }
  const std::string entry = names_of(intact, "log/")[2];
  objects.erase(entry);
  flip_at(objects.at(copy_name(entry)), 50);
  SUBCASE("an intact copy") {
    const RepairRun run = repair_keyless(objects, &intact);
    CHECK_MESSAGE(run.exit() == 14, run.findings.text());
    CHECK(run.objects == intact);
  }
  SUBCASE("a copy that has to be healed itself, and is not written to") {
    Objects other = intact;
    flip_sectors(other.at(large_pack(intact)), 10, 3);
    flip_at(other.at(small_pack(intact)), 10);
    const RepairRun run = repair_keyless(objects, &other);
    CHECK_MESSAGE(run.exit() == 14, run.findings.text());
    CHECK(run.objects == intact);
  }
  SUBCASE("another repository has nothing of it") {
    const Objects stranger = some_repository();
    const RepairRun run = repair_keyless(objects, &stranger);
    CHECK(run.exit() == 13);
    CHECK(run.objects == objects);
  }
}

TEST_CASE("a log that has lost its beginning is found, and gets it from a copy, link by link") {
  const Objects intact = some_repository();
  const auto entries = names_of(intact, "log/");
  for (const std::size_t lost : {1U, 2U, 3U}) {
    CAPTURE(lost);
    Objects objects = intact;
    for (std::size_t number = 0; number < lost; ++number) {
      objects.erase(entries[number]);
      objects.erase(copy_name(entries[number]));
    }
    const RepairRun alone = repair_keyless(objects);
    CHECK(alone.exit() == 13);
    CHECK(alone.findings.has("beyond_repair", entries[0]));
    CHECK(alone.findings.count(Finding::Weight::damaged) == lost);
    CHECK(alone.objects == objects);
    const RepairRun run = repair_keyless(objects, &intact);
    CHECK_MESSAGE(run.exit() == 14, run.findings.text());
    CHECK(run.objects == intact);
    // A copy that went another way: what its successor here does not name is not taken.
    Objects other = intact;
    for (const std::string& name : {entries[lost - 1], copy_name(entries[lost - 1])})
      other[name] = with_other_nonce(intact.at(name));
    const RepairRun none = repair_keyless(objects, &other);
    CHECK(none.exit() == 13);
    CHECK_FALSE(none.objects.contains(entries[lost - 1]));
  }
}

TEST_CASE("an entry is taken from elsewhere only if its successor was appended to it") {
  const Objects intact = some_repository();
  Objects objects = intact;
  Objects other = intact;
  const auto entries = names_of(intact, "log/");
  for (const std::string& name : {entries[2], copy_name(entries[2])}) {
    objects.erase(name);
    other[name] = intact.at(entries[1]);  // a genuine entry of another number
  }
  const RepairRun run = repair_keyless(objects, &other);
  CHECK(run.exit() == 13);
  CHECK(run.findings.has("beyond_repair", entries[2]));
  CHECK(run.objects == objects);
}

TEST_CASE("a repository of a newer version is 17, and nothing is written to it") {
  const Objects intact = some_repository();
  Objects objects = intact;
  flip_at(objects.at(small_pack(intact)), 100);
  Header header = decode_header(intact.at(kHeaderName));
  SUBCASE("a header with a higher version") { header.version = kFormatVersion + 1; }
  SUBCASE("an unknown incompatible feature") { header.features.incompatible = {"x"}; }
  SUBCASE("an unknown feature that allows reading only") {
    header.features.read_only_compatible = {"x"};
  }
  const std::string text = encode_header(header);
  for (const std::string& name : {std::string(kHeaderName), copy_name(kHeaderName)})
    objects[name] = to_bytes(as_bytes(text));
  const RepairRun run = repair_keyless(objects);
  CHECK_MESSAGE(run.exit() == 17, run.findings.text());
  CHECK(run.objects == objects);
}

TEST_CASE("a log entry of a type that nobody knows is 17, and nothing is written") {
  RepositoryFixture fixture;
  fixture.store_tree({file("z", "content")});
  const Repository& repository = fixture.repository();
  LogEntry entry;
  entry.type = static_cast<LogEntryType>(99);
  entry.number = repository.state().next_number;
  entry.repository = repository.id();
  entry.predecessor = *repository.state().last_hash;
  entry.signer = repository.keyring().slot();
  const Bytes file = encode_log_entry(entry, repository.keyring().repository_key(0),
                                      repository.keyring().signing_key());
  Objects objects = objects_of(repository.store());
  objects[log_entry_name(entry.number)] = file;
  objects[copy_name(log_entry_name(entry.number))] = file;
  flip_at(objects.at(small_pack(objects)), 100);
  const RepairRun run = repair_keyless(objects);
  CHECK_MESSAGE(run.exit() == 17, run.findings.text());
  CHECK(run.objects == objects);
}

TEST_CASE("an empty place is no repository") {
  CHECK(repair_keyless({}).thrown == ErrorKind::no_repository);
}

TEST_CASE("a repair that fails at any call leaves damaged or healed bytes, and can be run again") {
  const Objects intact = some_repository();
  Objects objects = intact;
  flip_sectors(objects.at(large_pack(intact)), 10, 5);
  objects.erase(small_pack(intact));
  objects.erase(parity_name(large_pack(intact)) + "x");
  for (std::uint64_t at = 0;; ++at) {
    MemoryStore store(objects);
    FaultyStore faults(store);
    FaultyStore::Fault fault;
    fault.at = at;
    fault.sticky = true;
    faults.fail(fault);
    ThreadPool pool(1);
    FindingList findings;
    bool is_done = true;
    try {
      repair_packs(faults, nullptr, pool, {}, findings);
    } catch (const Error&) {
      is_done = false;
    }
    const Objects after = objects_of(store);
    for (const auto& file : after) {
      const std::string& name = file.first;
      CAPTURE(name);
      const bool is_either = file.second == intact.at(name) || file.second == objects.at(name);
      CHECK(is_either);
    }
    CHECK(repair_keyless(after).objects == intact);
    if (is_done) {
      CHECK(at > 4);
      break;
    }
    CHECK(faults.fault_hits() > 0);
  }
}

TEST_CASE("root-signed entries come back from an export, if they fit the chain") {
  RepositoryFixture fixture;
  fixture.store_tree({file("z", "content")});
  const Objects intact = objects_of(fixture.repository().store());
  const HeaderExport content = fixture.repository().make_export();
  REQUIRE(content.log.size() == 2);
  const auto repair_with = [](const Objects& objects, const HeaderExport& exported) {
    return run_repair(objects, false,
                      [&](Store& store, ThreadPool& pool, RepairOptions options, RepairRun& run) {
                        options.header_export = &exported;
                        run.result = repair_packs(store, nullptr, pool, options, run.findings);
                      });
  };
  const auto entries = names_of(intact, "log/");
  const auto lose = [&](std::initializer_list<std::size_t> numbers) {
    Objects objects = intact;
    for (const std::size_t number : numbers) {
      objects.erase(entries[number]);
      objects.erase(copy_name(entries[number]));
    }
    return objects;
  };
  for (const Objects& objects : {lose({0}), lose({1}), lose({0, 1})}) {
    const RepairRun run = repair_with(objects, content);
    CHECK_MESSAGE(run.exit() == 14, run.findings.text());
    CHECK(run.objects == intact);
  }
  // An export holds no other entries.
  CHECK(repair_with(lose({2}), content).exit() != 14);
  for (const std::size_t number : {0U, 1U}) {
    HeaderExport altered = content;
    altered.log[number] = with_other_nonce(content.log[number]);
    const RepairRun run = repair_with(lose({number}), altered);
    CHECK(run.exit() == 13);
    CHECK(run.objects == lose({number}));
  }
  RepositoryFixture stranger;
  CHECK(repair_with(lose({0}), stranger.repository().make_export()).exit() == 13);
}

TEST_CASE("a repository opened by an export reads root-signed entries from it that are lost") {
  RepositoryFixture fixture;
  fixture.store_tree({file("z", "content")});
  const Objects intact = objects_of(fixture.repository().store());
  HeaderExport exported = fixture.repository().make_export();
  Objects objects = intact;
  const auto lose = [&](std::uint64_t number) {
    objects.erase(log_entry_name(number));
    objects.erase(copy_name(log_entry_name(number)));
  };
  const auto snapshots_seen = [&] {
    MemoryStore store(objects);
    FindingList findings;
    OpenOptions options;
    options.header_export = &exported;
    const auto opened = Repository::open(store, RepositoryFixture::credential(), options, findings);
    CHECK(objects_of(store) == objects);
    const LogState& state = opened->state();
    CHECK(findings.count(Finding::Weight::damaged) == state.broken.size());
    if (state.broken.empty()) CHECK(findings.count(Finding::Weight::healable) > 0);
    return state.visible_snapshots().size();
  };
  SUBCASE("the first") {
    lose(0);
    CHECK(snapshots_seen() == 1);
  }
  SUBCASE("the owner's certificate") {
    lose(1);
    CHECK(snapshots_seen() == 1);
  }
  SUBCASE("both") {
    lose(0);
    lose(1);
    CHECK(snapshots_seen() == 1);
  }
  SUBCASE("damaged, not gone") {
    flip_at(objects.at(log_entry_name(1)), 200);
    flip_at(objects.at(copy_name(log_entry_name(1))), 200);
    CHECK(snapshots_seen() == 1);
  }
  SUBCASE("but no entry that the root key did not sign") {
    lose(1);
    exported.log[1] = with_other_nonce(exported.log[1]);
    CHECK(snapshots_seen() == 0);
  }
  SUBCASE("even if no successor contradicts it") {
    lose(1);
    lose(2);
    fixture.store_tree({file("y", "content")});
    const Objects longer = objects_of(fixture.repository().store());
    objects[log_entry_name(3)] = longer.at(log_entry_name(3));
    exported.log[1] = with_other_nonce(exported.log[1]);
    CHECK(snapshots_seen() == 0);
  }
}
