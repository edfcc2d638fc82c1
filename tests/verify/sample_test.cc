#include "verify/sample.h"

#include <doctest/doctest.h>

#include <set>

#include "base/error.h"
#include "crypto/hash.h"
#include "repo/in_order.h"

namespace coppice {
namespace {

std::vector<ObjectRef> some_packs(std::size_t count) {
  std::vector<ObjectRef> packs;
  for (std::size_t i = 0; i < count; ++i) {
    packs.push_back({ObjectKind::pack, Side::none, blake3(as_bytes(std::to_string(i))), 1000});
  }
  return packs;
}

}  // namespace

TEST_CASE("the parts of a sample together are all packs, each once") {
  const auto packs = some_packs(100);
  std::set<Id> seen;
  for (std::uint64_t part = 1; part <= 7; ++part) {
    for (const ObjectRef& pack : take_sample(packs, SamplePart{part, 7}, system_random())) {
      CHECK(seen.insert(pack.name).second);
    }
  }
  CHECK(seen.size() == 100);
}

TEST_CASE("random samples have the wanted size, and one pack at least") {
  const auto packs = some_packs(100);
  CHECK(take_sample(packs, SamplePercent{25}, system_random()).size() == 25);
  CHECK(take_sample(packs, SamplePercent{100}, system_random()).size() == 100);
  CHECK(take_sample(packs, SamplePercent{0.001}, system_random()).size() == 1);
  CHECK(take_sample(packs, SampleBytes{4500}, system_random()).size() == 5);
  CHECK(take_sample(packs, SampleBytes{0}, system_random()).size() == 1);
  CHECK(take_sample(packs, SampleBytes{1 << 30}, system_random()).size() == 100);
  CHECK(take_sample({}, SampleBytes{1}, system_random()).empty());
}

TEST_CASE("a sample out of range is refused") {
  const std::vector<VerifySample> wrong{SamplePart{0, 3}, SamplePart{4, 3}, SamplePercent{0},
                                        SamplePercent{101}};
  for (const VerifySample& sample : wrong) {
    CHECK_THROWS_AS(take_sample(some_packs(3), sample, system_random()), Error);
  }
}

TEST_CASE("results come in the order of the items, and an error ends all") {
  ThreadPool pool(4);
  std::vector<int> items(500);
  for (int i = 0; i < 500; ++i) items[static_cast<std::size_t>(i)] = i;
  std::vector<int> results;
  for_each_in_order(
      pool, items, [](int item) { return 2 * item; },
      [&](int item, int result) {
        CHECK(result == 2 * item);
        results.push_back(item);
      });
  CHECK(results == items);
  const auto fail = [](int item) {
    if (item == 77) throw Error(ErrorKind::failed, "no");
    return item;
  };
  int used = 0;
  CHECK_THROWS_AS(for_each_in_order(pool, items, fail, [&](int, int) { ++used; }), Error);
  CHECK(used == 77);
}

}  // namespace coppice
