#include "support/store_contract.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

constexpr const char* kPack = "packs/3f/3f2a";

Bytes bytes_of(std::string_view text) { return to_bytes(as_bytes(text)); }

void an_object_comes_back_whole_and_in_ranges(Store& store) {
  store.put(kPack, as_bytes("hello, stump"));
  CHECK(store.size(kPack) == 12);
  CHECK(store.read_all(kPack, 12) == bytes_of("hello, stump"));
  Bytes part(5);
  store.read(kPack, 7, part);
  CHECK(part == bytes_of("stump"));
  Bytes nothing;
  store.read(kPack, 12, nothing);
  store.put("empty", {});
  CHECK(store.size("empty") == 0);
  CHECK(store.read_all("empty", 0).empty());
}

void what_is_missing_or_short_is_damage(Store& store) {
  Bytes part(5);
  CHECK_FALSE(store.size(kPack));
  CHECK_FALSE(store.remove(kPack));
  CHECK(kind_of([&] { store.read(kPack, 0, part); }) == ErrorKind::damaged);
  CHECK(kind_of([&] { store.read_all(kPack, 100); }) == ErrorKind::damaged);
  store.put(kPack, as_bytes("123456789"));
  CHECK(kind_of([&] { store.read(kPack, 5, part); }) == ErrorKind::damaged);
  CHECK(kind_of([&] { store.read(kPack, 1000, part); }) == ErrorKind::damaged);
  CHECK(kind_of([&] { store.read_all(kPack, 8); }) == ErrorKind::damaged);
}

void an_upload_is_invisible_until_committed(Store& store) {
  const auto upload = store.begin_upload();
  upload->append(as_bytes("one "));
  upload->append(as_bytes("two"));
  CHECK(upload->size() == 7);
  Bytes part(3);
  upload->read_back(2, part);
  CHECK(part == bytes_of("e t"));
  CHECK(kind_of([&] { upload->read_back(5, part); }) == ErrorKind::failed);
  upload->append(as_bytes("!"));
  CHECK(store.list("").empty());
  CHECK_FALSE(store.size(kPack));
  upload->commit(kPack);
  CHECK(store.read_all(kPack, 100) == bytes_of("one two!"));
}

void an_upload_that_is_dropped_leaves_nothing(Store& store) {
  store.begin_upload()->append(as_bytes("lost"));
  CHECK(store.list("").empty());
}

void several_uploads_do_not_mix(Store& store) {
  const auto first = store.begin_upload();
  const auto second = store.begin_upload();
  first->append(as_bytes("a"));
  second->append(as_bytes("b"));
  first->append(as_bytes("A"));
  second->commit("packs/00/b");
  first->commit("packs/00/a");
  CHECK(store.read_all("packs/00/a", 9) == bytes_of("aA"));
  CHECK(store.read_all("packs/00/b", 9) == bytes_of("b"));
}

void a_put_replaces_what_was_read_before(Store& store) {
  store.put(kPack, as_bytes("old"));
  CHECK(store.read_all(kPack, 9) == bytes_of("old"));
  store.put(kPack, as_bytes("newer"));
  CHECK(store.read_all(kPack, 9) == bytes_of("newer"));
  CHECK(store.list("").size() == 1);
}

void put_if_absent_never_replaces(Store& store) {
  CHECK(store.put_if_absent("log/0", as_bytes("first")));
  CHECK_FALSE(store.put_if_absent("log/0", as_bytes("second")));
  CHECK(store.read_all("log/0", 9) == bytes_of("first"));
  store.put("log/1", as_bytes("put"));
  CHECK_FALSE(store.put_if_absent("log/1", as_bytes("late")));
  CHECK(store.remove("log/0"));
  CHECK(store.put_if_absent("log/0", as_bytes("third")));
  CHECK(store.list("log/") == std::vector<ObjectInfo>{{"log/0", 5}, {"log/1", 3}});
}

void of_many_put_if_absent_one_wins(Store& store) {
  constexpr int kThreads = 16;
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    const std::string name = "log/" + std::to_string(round);
    std::atomic<int> winners{0};
    std::atomic<int> winner{-1};
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int me = 0; me < kThreads; ++me) {
      threads.emplace_back([&, me] {
        if (!store.put_if_absent(name, as_bytes(std::to_string(me)))) return;
        ++winners;
        winner = me;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(winners == 1);
    CHECK(store.read_all(name, 9) == bytes_of(std::to_string(winner)));
  }
}

void a_list_is_recursive_sorted_and_below_its_prefix(Store& store) {
  for (const char* name : {"packs/ff/b", "log/2", "header", "packs/00/a", "log/10", "packs.old"}) {
    store.put(name, as_bytes(name));
  }
  CHECK(store.list("log/") == std::vector<ObjectInfo>{{"log/10", 6}, {"log/2", 5}});
  CHECK(store.list("packs/") == std::vector<ObjectInfo>{{"packs/00/a", 10}, {"packs/ff/b", 10}});
  const auto is_a = [](std::string_view last_part) { return last_part == "a"; };
  CHECK(store.list_wanted("packs/", is_a) == std::vector<ObjectInfo>{{"packs/00/a", 10}});
  CHECK(store.list_wanted("", is_a) == std::vector<ObjectInfo>{{"packs/00/a", 10}});
  CHECK(store.list("packs/ff/") == std::vector<ObjectInfo>{{"packs/ff/b", 10}});
  CHECK(store.list("sessions/").empty());
  std::string all;
  for (const ObjectInfo& object : store.list("")) all += object.name + " ";
  CHECK(all == "header log/10 log/2 packs.old packs/00/a packs/ff/b ");
  CHECK(kind_of([&] { store.list("lo"); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store.list("tmp/"); }) == ErrorKind::failed);
}

void a_removed_object_is_gone(Store& store) {
  store.put(kPack, as_bytes("x"));
  CHECK(store.read_all(kPack, 1) == bytes_of("x"));
  CHECK(store.remove(kPack));
  CHECK_FALSE(store.remove(kPack));
  CHECK_FALSE(store.size(kPack));
  CHECK(kind_of([&] { store.read_all(kPack, 1); }) == ErrorKind::damaged);
  CHECK(store.list("").empty());
}

void names_that_lead_elsewhere_are_refused(Store& store) {
  for (const char* name : {"", "/etc/passwd", "../x", "packs/../x", "packs//x", "packs/", "tmp/x",
                           "Log/1", ".hidden", "a b", "packs/.x", "nul\n"}) {
    CAPTURE(name);
    Bytes none;
    CHECK(kind_of([&] { store.put(name, as_bytes("x")); }) == ErrorKind::damaged);
    CHECK(kind_of([&] { store.put_if_absent(name, as_bytes("x")); }) == ErrorKind::damaged);
    CHECK(kind_of([&] { store.size(name); }) == ErrorKind::damaged);
    CHECK(kind_of([&] { store.read(name, 0, none); }) == ErrorKind::damaged);
    CHECK(kind_of([&] { store.remove(name); }) == ErrorKind::damaged);
  }
  CHECK(store.list("").empty());
}

void many_threads_read_and_write_at_once(Store& store) {
  constexpr int kThreads = 4;
  constexpr int kObjects = 20;  // with 4 threads more than the local store keeps open
  std::atomic<int> wrong{0};
  const auto name_of = [](int me, int object) {
    return "packs/0" + std::to_string(me) + "/" + std::to_string(object);
  };
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int me = 0; me < kThreads; ++me) {
    threads.emplace_back([&, me] {
      for (int object = 0; object < kObjects; ++object) {
        store.put(name_of(me, object), as_bytes(name_of(me, object)));
        for (int back = 0; back <= object; ++back) {
          const std::string name = name_of(me, back);
          if (store.read_all(name, 99) != bytes_of(name)) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(store.list("packs/").size() == kThreads * kObjects);
}

}  // namespace

void check_store_contract(const std::function<std::unique_ptr<Store>()>& make) {
  using Rule = void (*)(Store&);
  for (const Rule rule :
       {an_object_comes_back_whole_and_in_ranges, what_is_missing_or_short_is_damage,
        an_upload_is_invisible_until_committed, an_upload_that_is_dropped_leaves_nothing,
        several_uploads_do_not_mix, a_put_replaces_what_was_read_before,
        put_if_absent_never_replaces, of_many_put_if_absent_one_wins,
        a_list_is_recursive_sorted_and_below_its_prefix, a_removed_object_is_gone,
        names_that_lead_elsewhere_are_refused, many_threads_read_and_write_at_once}) {
    const std::unique_ptr<Store> store = make();
    CHECK_FALSE(store->description().empty());
    rule(*store);
  }
}

}  // namespace coppice::test
