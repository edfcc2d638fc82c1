// Goal: without a key, missing objects and a broken log are seen.
#include <doctest/doctest.h>

#include "repo/keyless_log.h"
#include "repo/log_world.h"

using namespace coppice;
using namespace coppice::test;

namespace {

void append_history(LogWorld& world) {
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("one", {pack_ref("p"), pack_ref("q")}));
  owner.append({LogEntryType::index_set, {index_ref("i")}, {}, {}, encode_names({})});
  owner.append({LogEntryType::remove, {}, {pack_ref("q")}, {}, encode_remove_body({})});
}

}  // namespace

TEST_CASE("without a key the log tells the same objects as with one") {
  LogWorld world;
  append_history(world);
  const KeylessLog log(world.store, world.repository);
  const LogState state = world.log("owner").refresh();
  CHECK(log.objects() == state.objects);
  CHECK(log.findings().empty());
  CHECK(log.is_complete());
  CHECK(log.first() == 0);
  CHECK(log.last() == state.next_number - 1);
  CHECK(log.last_hash() == state.last_hash);
}

TEST_CASE("without a key a log that begins at a checkpoint tells the same objects") {
  LogWorld world;
  append_history(world);
  Log owner = world.log("owner");
  const std::uint64_t checkpoint = owner.append_checkpoint();
  owner.append(world.snapshot_entry("two", {pack_ref("r")}));
  for (std::uint64_t number = 0; number < checkpoint; ++number) world.remove(number);
  const KeylessLog log(world.store);
  CHECK(log.objects() == owner.state().objects);
  CHECK(log.findings().empty());
  CHECK(log.is_complete());
  CHECK(log.first() == checkpoint);
}

TEST_CASE(
    "without a key it does not matter which of the entries that a checkpoint restates are gone") {
  LogWorld world;
  append_history(world);
  Log owner = world.log("owner");
  const std::uint64_t kept = owner.append_checkpoint();
  owner.append(world.snapshot_entry("two", {pack_ref("r")}));
  const std::uint64_t newest = owner.append_checkpoint();
  std::vector<Bytes> files;
  for (std::uint64_t number = 0; number < newest; ++number) files.push_back(world.file(number));
  // A power cut brings back any of what was removed: here one of them, or all but one.
  for (std::uint64_t odd = 0; odd < kept; ++odd) {
    for (const bool stays : {true, false}) {
      for (std::uint64_t number = 0; number < kept; ++number) {
        world.remove(number);
        if ((number == odd) == stays) world.put(number, files[number]);
      }
      const KeylessLog log(world.store);
      CHECK(log.findings().empty());
      CHECK(log.is_complete());
      CHECK(log.objects() == owner.state().objects);
    }
  }
  // What is kept for readers to whom the newest checkpoint is of no use was not removed by anybody.
  world.remove(kept + 1);
  CHECK(KeylessLog(world.store).findings().size() == 1);
}

TEST_CASE("without a key it is seen which entries were declared void") {
  LogWorld world;
  append_history(world);
  Log owner = world.log("owner");
  const Bytes body = encode_void_body({1, 2, {Id{}, Id{}}});
  const std::uint64_t number = owner.append({LogEntryType::void_entries, {}, {}, body, {}});
  const KeylessLog log(world.store);
  CHECK(log.void_numbers() == std::set<std::uint64_t>{1, 2});
  CHECK(number > 2);
  // What names itself or entries to come is no such entry.
  const Bytes bold = encode_void_body({1, number + 1, std::vector<Id>(number + 1)});
  owner.append({LogEntryType::void_entries, {}, {}, bold, {}});
  CHECK(KeylessLog(world.store).void_numbers() == std::set<std::uint64_t>{1, 2});
}

TEST_CASE("without a key damage in one file is healable, in both it is damage") {
  LogWorld world;
  append_history(world);
  const std::string name = log_entry_name(kFirstFree);
  const Bytes file = world.file(kFirstFree);
  for (const std::string& damaged : {name, copy_name(name)}) {
    world.store.put(damaged, as_bytes("rot"));
    const KeylessLog log(world.store);
    REQUIRE(log.findings().size() == 1);
    CHECK(log.findings()[0].weight == Finding::Weight::healable);
    CHECK(log.findings()[0].item == name);
    CHECK(log.is_complete());
    world.store.remove(damaged);
    CHECK(KeylessLog(world.store).findings().size() == 1);
    world.put(kFirstFree, file);
  }
  world.remove(kFirstFree);
  const KeylessLog log(world.store);
  REQUIRE(log.findings().size() == 1);
  CHECK(log.findings()[0].weight == Finding::Weight::damaged);
  CHECK_FALSE(log.is_complete());
}

TEST_CASE("without a key an exchanged entry breaks the chain, a lost beginning is noticed") {
  LogWorld world;
  const std::uint64_t first = world.log("writer").append(world.snapshot_entry("one"));
  const Bytes other = world.file(first);
  world.remove(first);
  append_history(world);
  const Bytes own = world.file(first);
  world.put(first, other);
  const KeylessLog exchanged(world.store);
  REQUIRE(exchanged.findings().size() == 1);
  CHECK(exchanged.findings()[0].code == "log_chain_broken");
  CHECK(exchanged.findings()[0].item == log_entry_name(first));
  world.put(first, own);
  world.remove(0);
  CHECK_FALSE(KeylessLog(world.store).is_complete());
  CHECK(KeylessLog(world.store).findings().size() == 1);
}

TEST_CASE("without a key an entry of another repository is damage") {
  LogWorld world;
  CHECK(KeylessLog(world.store, name_of("another")).findings().size() == kFirstFree);
}

TEST_CASE("an empty store has no log") {
  MemoryStore store;
  const KeylessLog log(store);
  CHECK_FALSE(log.first());
  CHECK_FALSE(log.is_complete());
}
