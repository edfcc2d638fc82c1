#include <doctest/doctest.h>

#include <algorithm>

#include "verify_world.h"

namespace coppice::test {
namespace {

using Paths = std::vector<std::string>;

/// Items of these findings, in order, without the snapshot's id.
Paths paths(const Outcome& outcome, std::string_view code) {
  Paths found;
  for (const Finding& finding : outcome.findings.all) {
    if (finding.code == code) found.push_back(finding.item.substr(finding.item.find(':') + 1));
  }
  return found;
}

}  // namespace

TEST_CASE("a lost chunk hurts exactly the paths that hold it, in every snapshot") {
  RepositoryFixture fixture;
  const std::string shared = noise(1000, 1);
  fixture.store_tree(
      {directory("a", {file("one", shared + noise(500, 2)), file("two", noise(900, 3))}),
       file("three", noise(800, 4))});
  fixture.store_tree(
      {directory("a", {file("one", shared + noise(500, 2)), file("two", noise(900, 3))}),
       directory("b", {directory("c", {file("four", "new" + noise(997, 5) + shared)})})});
  fixture.damage_chunk(shared);
  REQUIRE(fixture.faults().damage_hits() == 0);
  const Outcome data = verified(fixture, reading_data());
  CHECK(fixture.faults().damage_hits() > 0);
  CHECK(data.exit() == 13);
  // All chunks of the first snapshot share one block; "four" needs one of them.
  const Paths expected{"/a/one", "/a/two", "/three", "/a/one", "/a/two", "/b/c/four"};
  CHECK_MESSAGE(paths(data, "content_damaged") == expected, data.findings.text());
  // Structure knows of data only where it lies.
  CHECK(verified(fixture, {}).exit() == 0);
}

TEST_CASE("a missing pack hurts what was in it, and structure finds it") {
  RepositoryFixture fixture;
  fixture.store_tree({file("old", noise(700, 1))});
  fixture.store_tree({file("old", noise(700, 1)), file("new", noise(700, 2))});
  fixture.lose_chunk(noise(700, 1));
  for (const bool read_data : {false, true}) {
    VerifyOptions options;
    options.read_data = read_data;
    const Outcome outcome = verified(fixture, options);
    CHECK(outcome.exit() == 13);
    // The first snapshot's tree was in that pack as well.
    CHECK(paths(outcome, "tree_damaged") == Paths{"/"});
    CHECK(paths(outcome, "content_damaged") == Paths{"/old"});
  }
}

TEST_CASE("only the snapshot that was asked for is walked, and only its packs are read") {
  RepositoryFixture fixture;
  fixture.store_tree({file("old", noise(700, 1))});
  fixture.store_tree({file("new", noise(700, 2))});
  fixture.damage_chunk(noise(700, 1));
  const auto snapshots = fixture.repository().state().visible_snapshots();
  VerifyOptions options = reading_data();
  options.only_snapshot = snapshots[1]->id;
  const Outcome second = verified(fixture, options);
  CHECK_MESSAGE(second.exit() == 0, second.findings.text());
  CHECK(second.result.snapshots == 1);
  CHECK(second.result.chunks == 2);
  options.only_snapshot = snapshots[0]->id;
  CHECK(paths(verified(fixture, options), "content_damaged") == Paths{"/old"});
  options.only_snapshot = Id{};
  CHECK(verified(fixture, options).thrown == ErrorKind::usage);
}

TEST_CASE("of many hurt paths a thousand are named and the rest is counted") {
  RepositoryFixture fixture;
  const std::string lost = noise(1000, 1);
  fixture.store_tree({file("seed", lost)});
  std::vector<LiteralEntry> entries;
  for (int i = 0; i < 1005; ++i) entries.push_back(file("f" + std::to_string(i), lost));
  fixture.store_tree({directory("many", std::move(entries))});
  fixture.damage_chunk(lost);
  const Outcome outcome = verified(fixture, reading_data());
  CHECK(outcome.exit() == 13);
  CHECK(paths(outcome, "content_damaged").size() == 1001);
  const auto more =
      std::find_if(outcome.findings.all.begin(), outcome.findings.all.end(),
                   [](const Finding& finding) { return finding.code == "more_content_damaged"; });
  REQUIRE(more != outcome.findings.all.end());
  CHECK(more->message == "5 more paths are hurt");
}

}  // namespace coppice::test
