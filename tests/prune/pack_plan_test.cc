#include "prune/pack_plan.h"

#include <doctest/doctest.h>

namespace coppice::test {
namespace {

PackView pack(std::uint64_t live, std::uint64_t dead, bool is_condemned = false) {
  PackView view;
  view.length = 64 * kMiB;
  view.live_bytes = live * kMiB;
  view.dead_bytes = dead * kMiB;
  view.is_whole = true;
  view.is_condemned = is_condemned;
  return view;
}

using Positions = std::vector<std::size_t>;

TEST_CASE("dead packs go, condemned ones that are needed are rescued") {
  const PackPlan plan =
      plan_packs({pack(0, 60), pack(0, 60, true), pack(1, 59, true), pack(60, 0)}, {});
  CHECK(plan.dead == Positions{0});
  CHECK(plan.rescued == Positions{2});
  CHECK(plan.partly.empty());
  CHECK(plan.used_bytes == 61 * kMiB);
  CHECK(plan.dead_bytes == 179 * kMiB);  // with those beside what is rescued
}

TEST_CASE("packs with lost chunks go first, whatever may stay unused, once something is dead") {
  std::vector<PackView> packs = {pack(50, 10), pack(59, 1), pack(60, 0), pack(30, 30)};
  for (const std::size_t i : {1U, 2U}) {
    packs[i].is_whole = false;
    packs[i].has_lost_chunks = true;
  }
  PlanLimits limits;
  CHECK(plan_packs(packs, limits).partly == Positions{1, 3});
  limits.max_unused.is_unlimited = true;
  CHECK(plan_packs(packs, limits).partly == Positions{1});
}

TEST_CASE("the emptiest packs are written anew until little enough is unused") {
  const std::vector<PackView> packs = {pack(50, 10), pack(10, 50), pack(58, 2), pack(30, 30),
                                       pack(60, 0)};
  PlanLimits limits;
  CHECK(plan_packs(packs, limits).partly == Positions{1, 3, 0});  // 92 unused, 10.9 allowed
  CHECK(plan_packs(packs, limits).unused_after == 2 * kMiB);
  limits.max_unused.percent = 0;
  CHECK(plan_packs(packs, limits).partly == Positions{1, 3, 0, 2});
  limits.max_unused.is_unlimited = true;
  CHECK(plan_packs(packs, limits).partly.empty());
  limits.max_unused = {5, 42 * kMiB, false};
  CHECK(plan_packs(packs, limits).partly == Positions{1});
  limits.max_unused = {0, std::nullopt, false};
  limits.max_repack_bytes = 130 * kMiB;
  CHECK(plan_packs(packs, limits).partly == Positions{1, 3});
}

TEST_CASE("what is not there cannot be moved") {
  std::vector<PackView> packs = {pack(10, 50)};
  packs[0].is_whole = false;
  CHECK(plan_packs(packs, {}).moved().empty());
}

TEST_CASE("small packs of about one size are joined once there are eight") {
  std::vector<PackView> packs;
  for (int i = 0; i < 7; ++i) {
    packs.push_back(pack(0, 0));
    packs.back().length = 20'000;
    packs.back().live_bytes = 10'000;
  }
  packs.push_back(pack(1, 0));
  packs.back().length = kSmallPackBytes / 4;
  CHECK(plan_packs(packs, {}).small.empty());
  packs.push_back(packs.front());
  CHECK(plan_packs(packs, {}).small == Positions{0, 1, 2, 3, 4, 5, 6, 8});
}

}  // namespace
}  // namespace coppice::test
