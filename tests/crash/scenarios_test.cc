// The jobs that are driven through every cut do what they are called, each time: a collection that
// had nothing to collect, or a repair of what is whole, would prove nothing.
#include <doctest/doctest.h>

#include "judge.h"
#include "support/repository_objects.h"
#include "verify/verify.h"

namespace coppice::test {
namespace {

/// A scenario's repository before its job and after it.
class Played {
 public:
  explicit Played(const std::string& name) : world_(disk_, disk_, {}) {
    const CrashScenario& scenario = crash_scenario(name);
    scenario.prepare(world_);
    before_ = objects_of(disk_);
    findings_before_ = verify();
    scenario.job(world_);
    after_ = objects_of(disk_);
    findings_after_ = verify();
  }

  std::size_t before(const std::string& prefix) const { return names_of(before_, prefix).size(); }
  std::size_t after(const std::string& prefix) const { return names_of(after_, prefix).size(); }
  std::unique_ptr<Repository> open() { return world_.open(); }
  const FindingList& findings_before() const { return findings_before_; }
  const FindingList& findings_after() const { return findings_after_; }
  const std::set<int>& promised() const { return world_.promised(); }

 private:
  FindingList verify() {
    FindingList findings;
    verify_repository(*world_.open(), world_.pool, {}, findings);
    return findings;
  }

  CrashStore disk_;
  CrashWorld world_;
  Objects before_;
  Objects after_;
  FindingList findings_before_;
  FindingList findings_after_;
};

bool is_whole(const FindingList& findings) {
  return findings.count(Finding::Weight::damaged) + findings.count(Finding::Weight::healable) == 0;
}

}  // namespace

TEST_CASE("a collection of the crash tests deletes packs, moves blocks, ends snapshots") {
  for (const std::string name : {"prune", "prune of what was condemned"}) {
    CAPTURE(name);
    Played played(name);
    CHECK(played.before("packs/") >= 3);
    CHECK(played.after("packs/") == 2);  // the first one's live part is in a new one
    CHECK(played.open()->state().condemned.empty());
    CHECK(played.open()->state().snapshots.size() == 1);
    CHECK(is_whole(played.findings_after()));
  }
}

TEST_CASE("a collection of the crash tests joins small packs") {
  Played played("prune joins packs");
  CHECK(played.before("packs/") == 8);
  CHECK(played.after("packs/") == 1);
}

TEST_CASE("beside a session a collection of the crash tests deletes nothing") {
  Played played("prune beside a session");
  CHECK(played.after("packs/") == 4);  // the new one, too
  CHECK(played.open()->state().condemned.size() == 2);
}

TEST_CASE("a collection of the crash tests rescues what is wanted after all") {
  Played played("prune rescues");
  CHECK(played.open()->state().condemned.empty());
  CHECK(played.open()->state().visible_snapshots().size() == 2);
  CHECK(is_whole(played.findings_after()));
}

TEST_CASE("collections of the crash tests that are overtaken keep what came") {
  for (const std::string name : {"prune and undelete", "prune and backup"}) {
    CAPTURE(name);
    Played played(name);
    CHECK(played.open()->state().visible_snapshots().size() == 2);
    CHECK(is_whole(played.findings_after()));
  }
}

TEST_CASE("a collection of the crash tests joins index objects and removes the old log") {
  Played played("prune of a long history");
  CHECK(played.before("index/") == 8);
  CHECK(played.open()->state().index_names.size() == 1);  // the old ones go next time
  CHECK(played.after("log/") < played.before("log/"));
}

TEST_CASE("repairs of the crash tests heal what was damaged before") {
  for (const std::string name :
       {"repair packs", "repair packs from another repository", "repair log", "repair index"}) {
    CAPTURE(name);
    Played played(name);
    CHECK_FALSE(is_whole(played.findings_before()));
    CHECK_MESSAGE(is_whole(played.findings_after()), played.findings_after().text());
  }
}

TEST_CASE("repairs of the crash tests mark what is lost, and make snapshots without it") {
  {
    Played played("repair packs marks what is lost");
    CHECK_FALSE(played.open()->state().damaged.empty());
  }
  Played played("repair snapshots");
  CHECK(played.promised().contains(-2));
  CHECK(played.open()->state().visible_snapshots().size() == 3);
}

}  // namespace coppice::test
