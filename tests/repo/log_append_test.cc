// Goal: whoever appends, all entries stand, in one order, and survive what storage does to them.
#include <doctest/doctest.h>

#include <functional>
#include <utility>

#include "base/error.h"
#include "repo/log.h"
#include "repo/log_world.h"
#include "support/faulty_store.h"
#include "support/thrown_error.h"

using namespace coppice;
using namespace coppice::test;

namespace {

std::vector<std::string> records(const LogState& state) {
  std::vector<std::string> found;
  for (const LoggedSnapshot& snapshot : state.snapshots)
    found.emplace_back(as_text(snapshot.record));
  return found;
}
using Records = std::vector<std::string>;

/// Hides from listings what came after a certain entry, as a lagging object store does.
class LaggingStore : public FaultyStore {
 public:
  LaggingStore(Store& inner, std::string last_listed)
      : FaultyStore(inner), last_listed_(std::move(last_listed)) {}
  std::vector<ObjectInfo> list(const std::string& prefix) override {
    std::vector<ObjectInfo> objects = FaultyStore::list(prefix);
    std::erase_if(objects, [&](const ObjectInfo& object) {
      ++hidden;
      return object.name > last_listed_;
    });
    return objects;
  }
  int hidden = 0;

 private:
  std::string last_listed_;
};

}  // namespace

TEST_CASE("an empty log has an empty state, and takes an epoch first") {
  LogWorld world;
  MemoryStore empty;
  Log log(empty, world.keys("owner"), world.random);
  CHECK(log.refresh().next_number == 0);
  CHECK_THROWS_AS(log.append(world.snapshot_entry("x")), Error);
  CHECK(log.append(world.epoch_entry(0, {})) == 0);
}

TEST_CASE("two writers who race both succeed, one after the other") {
  LogWorld world;
  Log first = world.log("writer");
  Log second = world.log("other");
  int asked = 0;
  const std::uint64_t number = first.append([&](const LogState& state) {
    // The other one is faster, twice.
    if (asked++ < 2) second.append(world.snapshot_entry("other " + std::to_string(asked)));
    CHECK(state.next_number == kFirstFree + static_cast<std::uint64_t>(asked) - 1);
    return world.snapshot_entry("first after " + std::to_string(state.snapshots.size()));
  });
  CHECK(asked == 3);
  CHECK(number == kFirstFree + 2);
  const LogState state = world.log("owner").refresh();
  CHECK(records(state) == Records{"other 1", "other 2", "first after 2"});
  CHECK(state.findings.empty());
  CHECK(is_same_state(first.state(), state));
  CHECK(is_same_state(second.refresh(), state));
}

TEST_CASE("who looks at the new state after a lost race may give up") {
  LogWorld world;
  Log first = world.log("writer");
  Log second = world.log("other");
  CHECK_THROWS_AS(first.append([&](const LogState& state) -> LogAppend {
    if (!state.snapshots.empty()) throw Error(ErrorKind::failed, "no longer wanted");
    second.append(world.snapshot_entry("other"));
    return world.snapshot_entry("mine");
  }),
                  Error);
  CHECK(records(world.log("owner").refresh()) == Records{"other"});
}

TEST_CASE("an entry that is there although putting it failed is not called saved, nor put again") {
  for (const ErrorKind kind : {ErrorKind::failed, ErrorKind::no_space}) {
    LogWorld world;
    FaultyStore store(world.store);
    Log log(store, world.keys("writer"), world.random);
    store.fail({2, Error(kind, "its directory was not synced"), false, true});
    CHECK(kind_of([&] { log.append(world.snapshot_entry("one")); }) == ErrorKind::failed);
    CHECK(store.fault_hits() == 1);
    CHECK(records(world.log("owner").refresh()) == Records{"one"});
  }
}

namespace {

/// Does what it is asked and says that another was first, as a server that answers a repeated
/// request.
class RepeatingStore : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  bool put_if_absent(const std::string& name, ByteView bytes) override {
    FaultyStore::put_if_absent(name, bytes);
    return false;
  }
};

}  // namespace

TEST_CASE("an entry that a repeated request met is one's own, once its copy is durable") {
  LogWorld world;
  RepeatingStore store(world.store);
  Log log(store, world.keys("writer"), world.random);
  CHECK(log.append(world.snapshot_entry("one")) == kFirstFree);
  CHECK(records(world.log("owner").refresh()) == Records{"one"});
  store.fail({3, Error(ErrorKind::failed, "the directory cannot be synced"), true, false});
  CHECK_THROWS_AS(log.append(world.snapshot_entry("two")), Error);
}

namespace {

/// Falls asleep before it puts an entry, once: the world goes on.
class SleepyStore : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  bool put_if_absent(const std::string& name, ByteView bytes) override {
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    return FaultyStore::put_if_absent(name, bytes);
  }
  std::function<void()> meanwhile;
};

}  // namespace

TEST_CASE("whoever sleeps until its number was used and removed appends where the log ends now") {
  LogWorld world;
  SleepyStore store(world.store);
  Log log(store, world.keys("writer"), world.random);
  Log owner = world.log("owner");
  std::uint64_t first_kept = 0;
  std::uint64_t removed = 0;
  store.meanwhile = [&] {
    owner.append(world.snapshot_entry("one"));
    owner.append(world.snapshot_entry("two"));
    first_kept = owner.append_checkpoint();
    owner.append(world.snapshot_entry("three"));
    removed = first_kept;
  };
  SUBCASE("all before a checkpoint were removed") {}
  SUBCASE("its own was the last to be removed") {
    store.meanwhile = [&] {
      owner.append(world.snapshot_entry("one"));
      first_kept = owner.append_checkpoint();
      owner.append(world.snapshot_entry("two"));
      owner.append(world.snapshot_entry("three"));
      removed = kFirstFree + 1;
    };
  }
  store.meanwhile = [&, go_on = store.meanwhile] {
    go_on();
    for (std::uint64_t number = 0; number < removed; ++number) world.remove(number);
  };
  CHECK(log.append(world.snapshot_entry("slept")) > first_kept);
  CHECK(records(log.state()) == Records{"one", "two", "three", "slept"});
  CHECK(records(world.log("reader").refresh()) == Records{"one", "two", "three", "slept"});
  CHECK(is_same_state(owner.refresh(), log.state()));
}

TEST_CASE("a put that failed for certain is told, and leaves nothing") {
  LogWorld world;
  FaultyStore store(world.store);
  Log log(store, world.keys("writer"), world.random);
  std::uint64_t call = 0;
  SUBCASE("there is no inode for the copy") { call = 0; }
  SUBCASE("there is no room for the copy") { call = 1; }
  SUBCASE("there is no room for the entry") { call = 2; }
  store.fail({call, Error(ErrorKind::no_space, "full"), false, false});
  CHECK_THROWS_AS(log.append(world.snapshot_entry("one")), Error);
  CHECK(store.fault_hits() == 1);
  CHECK(records(world.log("owner").refresh()).empty());
  CHECK(log.append(world.snapshot_entry("two")) == kFirstFree);
}

TEST_CASE("an entry stands even if its copy failed, and the next writer makes the copy") {
  LogWorld world;
  FaultyStore store(world.store);
  Log log(store, world.keys("writer"), world.random);
  store.fail({3, Error(ErrorKind::failed, "gone"), true, false});
  CHECK(log.append(world.snapshot_entry("one")) == kFirstFree);
  CHECK(store.fault_hits() > 0);
  CHECK(count_findings(log.state().findings, "log_copy_missing") == 1);
  CHECK_FALSE(world.store.size(copy_name(log_entry_name(kFirstFree))));
  world.log("other").append(world.snapshot_entry("two"));
  CHECK(world.store.read_all(copy_name(log_entry_name(kFirstFree)), kMaxLogEntryBytes) ==
        world.file(kFirstFree));
}

TEST_CASE("an entry whose main file is missing or damaged is read from its copy") {
  LogWorld world;
  for (const std::string record : {"one", "two", "three"})
    world.log("writer").append(world.snapshot_entry(record));
  const LogState sound = world.log("owner").refresh();
  world.store.remove(log_entry_name(kFirstFree));
  world.store.put(log_entry_name(kFirstFree + 1), as_bytes("rot"));
  world.store.remove(log_entry_name(kFirstFree + 2));  // the newest
  Log log = world.log("owner");
  CHECK(is_same_state(log.refresh(), sound));
  CHECK(count_findings(log.state().findings, "log_entry_damaged") == 3);
  CHECK(log.state().findings[0].weight == Finding::Weight::healable);
  CHECK(log.append(world.snapshot_entry("four")) == kFirstFree + 3);
}

TEST_CASE("a listing that lags does not hide the tail") {
  LogWorld world;
  for (const std::string record : {"one", "two", "three"})
    world.log("writer").append(world.snapshot_entry(record));
  LaggingStore store(world.store, copy_name(log_entry_name(kFirstFree)));
  Log log(store, world.keys("other"), world.random);
  CHECK(log.append(world.snapshot_entry("four")) == kFirstFree + 3);
  CHECK(store.hidden > 0);
}

TEST_CASE("a stray file far beyond the tail is not part of the log") {
  LogWorld world;
  world.store.put(log_entry_name(UINT64_MAX), as_bytes("stray"));
  Log log = world.log("writer");
  CHECK(log.append(world.snapshot_entry("one")) == kFirstFree);
  CHECK(count_findings(log.state().findings, "log_number_implausible") == 1);
}

TEST_CASE("with the newest checkpoint damaged a reader starts at the one before") {
  LogWorld world;
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("one"));
  const std::uint64_t first = owner.append_checkpoint();
  owner.append(world.snapshot_entry("two"));
  const std::uint64_t second = owner.append_checkpoint();
  owner.append(world.snapshot_entry("three"));
  for (std::uint64_t number = 0; number < first; ++number) world.remove(number);
  world.put(second, as_bytes("rot"));
  const LogState state = world.log("reader").refresh();
  CHECK(records(state) == Records{"one", "two", "three"});
  CHECK(count_findings(state.findings, "log_checkpoint_unusable") == 1);
  CHECK(state.broken == std::set<std::uint64_t>{second});
}

TEST_CASE("without any checkpoint left a reader takes the log from its first entry") {
  LogWorld world;
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("one"));
  const std::uint64_t checkpoint = owner.append_checkpoint();
  owner.append(world.snapshot_entry("two"));
  world.remove(checkpoint);
  CHECK(records(world.log("reader").refresh()) == Records{"one", "two"});
  for (std::uint64_t number = 0; number < checkpoint; ++number) world.remove(number);
  const LogState lost =
      world.log("reader").refresh();  // no key to judge anything by: told, not crashed
  CHECK(lost.snapshots.empty());
  CHECK(lost.collection_is_stopped());
}

TEST_CASE("a reader who fell behind goes on from a checkpoint when the entries between are gone") {
  LogWorld world;
  Log behind = world.log("reader");
  behind.refresh();
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("one"));
  owner.append(world.snapshot_entry("two"));
  const std::uint64_t checkpoint = owner.append_checkpoint();
  owner.append(world.snapshot_entry("three"));
  for (std::uint64_t number = 0; number < checkpoint; ++number) world.remove(number);
  CHECK(is_same_state(behind.refresh(), owner.state()));
  CHECK_FALSE(behind.state().collection_is_stopped());
}

TEST_CASE("a reader to whom an entry is lost takes a later checkpoint's word for it") {
  LogWorld world;
  Log owner = world.log("owner");
  const std::uint64_t lost = owner.append(world.snapshot_entry("one"));
  owner.append(world.snapshot_entry("two"));
  world.remove(lost);
  Log reader = world.log("reader");
  CHECK(records(reader.refresh()) == Records{"two"});
  CHECK(reader.state().collection_is_stopped());
  owner.append_checkpoint();  // by one who had read it
  CHECK(is_same_state(reader.refresh(), owner.state()));
  CHECK(count_findings(reader.state().findings, "log_entry_damaged") == 1);
}

TEST_CASE("the hash of a remembered entry can be asked for") {
  LogWorld world;
  Log log = world.log("writer");
  log.append(world.snapshot_entry("one"));
  const Id tail = blake3(world.file(kFirstFree));
  CHECK(log.hash_of(kFirstFree) == tail);
  CHECK(log.state().last_hash == tail);
  CHECK(log.hash_of(2) == blake3(world.file(2)));
  CHECK_FALSE(log.hash_of(kFirstFree + 1));
}

TEST_CASE("a flipped byte in any file of the log changes nothing that is read, or is reported") {
  LogWorld world;
  world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}));
  const LogState sound = world.log("owner").refresh();
  for (std::uint64_t number = 0; number < sound.next_number; ++number) {
    const std::string name = log_entry_name(number);
    const std::uint64_t size = *world.store.size(name);
    for (std::uint64_t at = 0; at < size; at += 61) {
      CAPTURE(number);
      CAPTURE(at);
      FaultyStore store(world.store);
      store.flip_byte(name, at);
      Log one_file(store, world.keys("owner"), world.random);
      CHECK(is_same_state(one_file.refresh(), sound));
      CHECK(count_findings(one_file.state().findings, "log_entry_damaged") == 1);
      store.flip_byte(copy_name(name), at);
      Log both_files(store, world.keys("owner"), world.random);
      CHECK(both_files.refresh().broken.contains(number));
      CHECK(store.damage_hits() > 0);
    }
  }
}
