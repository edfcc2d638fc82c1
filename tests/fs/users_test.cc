#include "fs/users.h"

#include <doctest/doctest.h>

namespace coppice::test {
namespace {

constexpr std::uint32_t kNobodyHasThis = 3'999'999'999;

TEST_CASE("root is known by name and number") {
  UserNames names;
  CHECK(names.user_name(0) == "root");
  CHECK(names.group_name(0) == "root");
  CHECK(names.user_id("root") == 0);
  CHECK(names.group_id("root") == 0);
}

TEST_CASE("an unknown user is an empty name or no number, however often asked") {
  UserNames names;
  for (int i = 0; i < 2; ++i) {
    CHECK(names.user_name(kNobodyHasThis).empty());
    CHECK(names.group_name(kNobodyHasThis).empty());
    CHECK_FALSE(names.user_id("no such user").has_value());
    CHECK_FALSE(names.group_id("").has_value());
  }
}

TEST_CASE("a name stays where it is while others are looked up") {
  UserNames names;
  const std::string& root = names.user_name(0);
  for (std::uint32_t uid = 1; uid < 200; ++uid) names.user_name(kNobodyHasThis + uid);
  CHECK(&names.user_name(0) == &root);
}

}  // namespace
}  // namespace coppice::test
