// The stores of tests/support keep the contract, and the harnesses among them can fail.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "support/faulty_store.h"
#include "support/memory_store.h"
#include "support/recording_store.h"
#include "support/store_contract.h"
#include "support/thrown_error.h"

using namespace coppice;
using namespace coppice::test;

namespace {

struct MemoryHolder {
  MemoryStore memory;
};

/// A wrapping store that owns the memory which it wraps (a base, so that it is made first).
template <typename Wrapper>
struct InMemory : MemoryHolder, Wrapper {
  InMemory() : Wrapper(memory) {}
};

constexpr std::uint64_t kCallsOfAPut = 3;

ErrorKind put_error(Store& store, const std::string& name) {
  return kind_of([&] { store.put(name, as_bytes("bytes")); });
}

std::string text_of(Store& store, const std::string& name) {
  return std::string(as_text(store.read_all(name, 1000)));
}

}  // namespace

TEST_CASE("a memory store keeps the store contract") {
  check_store_contract([] { return std::make_unique<MemoryStore>(); });
}

TEST_CASE("faulty and recording stores that are left alone keep the store contract") {
  check_store_contract([] { return std::make_unique<InMemory<FaultyStore>>(); });
  check_store_contract([] { return std::make_unique<InMemory<RecordingStore>>(); });
}

TEST_CASE("a faulty store fails each mutating call in turn, and says that it did") {
  for (std::uint64_t at = 0; at < kCallsOfAPut; ++at) {
    CAPTURE(at);
    InMemory<FaultyStore> store;
    store.fail({.at = at, .error = Error(ErrorKind::no_space, "full")});
    CHECK(put_error(store, "a") == ErrorKind::no_space);
    CHECK(store.fault_hits() == 1);
    CHECK(store.mutating_calls() == at + 1);
    CHECK(store.memory.objects().empty());
    store.put("a", as_bytes("later"));
    CHECK(text_of(store, "a") == "later");
  }
}

TEST_CASE("a sticky fault stays until it is healed") {
  InMemory<FaultyStore> store;
  store.fail({.at = 1, .sticky = true});
  put_error(store, "a");
  put_error(store, "b");
  CHECK_THROWS_AS(store.put_if_absent("c", {}), Error);
  CHECK_THROWS_AS(store.remove("c"), Error);
  CHECK(store.fault_hits() == 4);
  store.heal();
  store.put("a", as_bytes("x"));
  CHECK(store.fault_hits() == 4);
}

TEST_CASE("a fault after the call leaves its effect and loses its answer") {
  InMemory<FaultyStore> store;
  store.fail({.at = 0, .after = true});
  CHECK_THROWS_AS(store.put_if_absent("log/0", as_bytes("x")), Error);
  CHECK_FALSE(store.put_if_absent("log/0", as_bytes("y")));
  CHECK(text_of(store, "log/0") == "x");
}

TEST_CASE("a fault beyond the last call is never hit") {
  InMemory<FaultyStore> store;
  store.fail({.at = kCallsOfAPut});
  store.put("a", as_bytes("x"));
  CHECK(store.fault_hits() == 0);
  CHECK(store.mutating_calls() == kCallsOfAPut);
}

TEST_CASE("damage shows in reads, sizes and lists until the object is written anew") {
  InMemory<FaultyStore> store;
  store.put("flipped", as_bytes("abc"));
  store.put("cut", as_bytes("abc"));
  store.put("gone", as_bytes("abc"));
  store.flip_byte("flipped", 1, 0x20);
  store.truncate("cut", 2);
  store.hide("gone");
  CHECK(store.damage_hits() == 0);
  CHECK(text_of(store, "flipped") == "aBc");
  CHECK(store.damage_hits() == 1);
  CHECK(text_of(store, "cut") == "ab");
  CHECK_FALSE(store.size("gone"));
  CHECK_THROWS_AS(store.read_all("gone", 9), Error);
  CHECK(store.list("") == std::vector<ObjectInfo>{{"cut", 2}, {"flipped", 3}});
  store.put("flipped", as_bytes("abc"));
  store.put("cut", as_bytes("abc"));
  CHECK(store.put_if_absent("gone", as_bytes("new")));
  const std::uint64_t hits = store.damage_hits();
  CHECK(text_of(store, "flipped") + text_of(store, "cut") + text_of(store, "gone") == "abcabcnew");
  CHECK(store.damage_hits() == hits);
}

TEST_CASE("a recording store gives the state after each operation") {
  MemoryStore memory;
  memory.put("header", as_bytes("h"));
  RecordingStore store(memory);
  store.put("packs/00/a", as_bytes("1"));
  CHECK(store.put_if_absent("log/0", as_bytes("2")));
  CHECK_FALSE(store.put_if_absent("log/0", as_bytes("3")));
  store.begin_upload()->append(as_bytes("never committed"));
  store.put("packs/00/a", as_bytes("4"));
  CHECK(store.operations().size() == 3);
  CHECK(store.state_after(0)->objects().size() == 1);
  CHECK(text_of(*store.state_after(1), "packs/00/a") == "1");
  CHECK_FALSE(store.state_after(1)->size("log/0"));
  CHECK(text_of(*store.state_after(2), "log/0") == "2");
  CHECK(store.state_after(3)->objects() == memory.objects());
}

TEST_CASE("a removal may come undone until its directory is synced, and nothing else may") {
  MemoryStore memory;
  RecordingStore store(memory);
  store.put("packs/00/a", as_bytes("a"));  // 0
  store.put("packs/01/b", as_bytes("b"));  // 1
  store.remove("packs/00/a");              // 2
  store.remove("packs/01/b");              // 3
  store.put("packs/00/c", as_bytes("c"));  // 4
  CHECK(store.unsynced_after(2).empty());
  CHECK(store.unsynced_after(4) == std::vector<std::size_t>{2, 3});
  CHECK(store.unsynced_after(5) == std::vector<std::size_t>{3});
  CHECK(text_of(*store.state_after(4, {2}), "packs/00/a") == "a");
  CHECK_FALSE(store.state_after(4, {2})->size("packs/01/b"));
  CHECK(store.state_after(5, {3})->objects().size() == 2);
  CHECK_THROWS_AS(store.state_after(5, {2}), Error);
  CHECK_THROWS_AS(store.state_after(5, {0}), Error);
}
