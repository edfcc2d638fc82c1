#include "retention/policy.h"

#include <doctest/doctest.h>

#include "retention/grouping.h"
#include "retention/kit.h"

namespace coppice::test {
namespace {

CalendarSpan days(std::uint64_t n) { return {n * 86400, 0}; }

TEST_CASE("the newest are those that were received last, whatever their times say") {
  SnapshotList list;
  list.add('a', kNoon);
  list.add('b', kNoon + 9 * kDay);  // a clock that ran ahead
  list.add('c', kNoon + kDay);
  RetentionPolicy policy;
  policy.last = 2;
  CHECK(kept(list, policy) == "bc");
  policy.last = 1;
  CHECK(kept(list, policy) == "c");
}

TEST_CASE("of each period the newest stays, and a wrong clock takes one place at most") {
  SnapshotList list;
  list.add('a', kNoon - 2 * kDay);
  list.add('b', kNoon - kDay - kHour);
  list.add('c', kNoon - kDay);
  list.add('d', kNoon);
  list.add('e', kNoon - 20 * kDay);  // wrong
  list.add('f', kNoon + kHour);
  RetentionPolicy policy;
  count_of(policy, Period::day) = 3;
  CHECK(kept(list, policy) == "cef");
  count_of(policy, Period::day) = 4;
  CHECK(kept(list, policy) == "acef");
  count_of(policy, Period::day) = kKeepAll;
  CHECK(kept(list, policy) == "acef");
  policy = {};
  count_of(policy, Period::hour) = 2;
  CHECK(kept(list, policy) == "ef");
  policy = {};
  count_of(policy, Period::month) = 1;
  CHECK(kept(list, policy) == "f");
}

TEST_CASE("back-dated and imported snapshots push nothing out") {
  SnapshotList list;
  list.add('a', kNoon - kDay);
  list.add('b', kNoon);
  for (int i = 0; i < 9; ++i) {
    list.add(static_cast<char>('p' + i), kNoon - (2 + i) * kDay).record.is_time_given = i % 2 == 0;
    const_cast<ListedSnapshot&>(list.all().back()).record.is_imported = i % 2 != 0;
  }
  RetentionPolicy policy;
  count_of(policy, Period::day) = 2;
  CHECK(kept(list, policy) == "ab");
  SUBCASE("they fill what is left, the latest first") {
    count_of(policy, Period::day) = 4;
    CHECK(kept(list, policy) == "abpq");
  }
  SUBCASE("keep-last passes over them") {
    policy = {};
    policy.last = 5;
    CHECK(kept(list, policy) == "ab");
  }
  SUBCASE("nor does one that claims to be of the future") {
    list.add('z', kNoon + 400 * kDay).record.is_time_given = true;
    CHECK(kept(list, policy) == "ab");
    policy = {};
    policy.within = days(2);
    CHECK(kept(list, policy) == "abz");
  }
}

TEST_CASE("a group of nothing but given times is kept by these") {
  SnapshotList list;
  for (int i = 0; i < 5; ++i)
    list.add(static_cast<char>('e' - i), kNoon - i * kDay).record.is_time_given = true;
  RetentionPolicy policy;
  count_of(policy, Period::day) = 2;
  CHECK(kept(list, policy) == "ed");
}

TEST_CASE("within counts back from the newest snapshot, and never from the future") {
  SnapshotList list;
  list.add('a', kNoon - 3 * kDay);
  list.add('b', kNoon - 2 * kDay + 1);
  list.add('c', kNoon - kDay - kHour);
  list.add('d', kNoon - kDay);
  list.add('e', kNoon);
  RetentionPolicy policy;
  policy.within = days(2);
  CHECK(kept(list, policy) == "bcde");
  policy = {};
  within_of(policy, Period::day) = days(2);
  CHECK(kept(list, policy) == "bde");
  policy = {};
  policy.within = days(3);
  list.add('f', kNoon + 300 * kDay);
  CHECK(kept(list, policy) == "f");
  CHECK(kept(list, policy, kNoon) == "bcdef");  // f is of the future
}

TEST_CASE("tags keep, and each reason is told") {
  SnapshotList list;
  list.add('a', kNoon).tags = {"keep", "x"};
  list.add('b', kNoon + 1).tags = {"x"};
  list.add('c', kNoon + 2);
  RetentionPolicy policy;
  CHECK(policy.is_empty());
  policy.tags = {{"keep", "x"}};
  CHECK_FALSE(policy.is_empty());
  CHECK(kept(list, policy) == "a");
  policy.tags = {{"keep"}, {""}};
  policy.last = 1;
  count_of(policy, Period::week) = 1;
  const auto judgements = judge(policy, list.pointers(), {kNoon, 0});
  CHECK(judgements[0].reasons == std::vector<std::string>{"tags [keep]"});
  CHECK_FALSE(judgements[1].is_kept());
  CHECK(judgements[2].reasons ==
        std::vector<std::string>{"last snapshot", "weekly snapshot", "tags []"});
}

TEST_CASE("slots and hosts are always judged apart") {
  SnapshotList list;
  list.add('a', kNoon);
  list.add('b', kNoon).record.host = "web2";
  list.add('c', kNoon).slot.bytes[0] = 1;
  list.add('d', kNoon).record.paths = {"/home", "/etc"};
  list.add('e', kNoon).tags = {"x"};
  CHECK(group_snapshots(list.pointers(), {false, false}).size() == 3);
  CHECK(group_snapshots(list.pointers(), {true, false}).size() == 4);
  CHECK(group_snapshots(list.pointers(), {true, true}).size() == 5);
  const auto groups = group_snapshots(list.pointers(), {true, false});
  CHECK(describe(groups[0], {true, true}) == "host web1, paths /etc, tags none");
  CHECK(groups[0].members.size() == 2);
}

}  // namespace
}  // namespace coppice::test
