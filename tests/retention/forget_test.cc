#include "retention/forget.h"

#include <doctest/doctest.h>

#include "retention/kit.h"
#include "support/repository_fixture.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

ForgetOptions keep_last(std::uint64_t count) {
  ForgetOptions options;
  options.policy.last = count;
  options.now = {kNoon, 0};
  return options;
}

class ForgetWorld {
 public:
  ForgetWorld() {
    for (int i = 0; i < 3; ++i) fixture.store_tree({file("f", "version " + std::to_string(i))});
  }
  std::vector<Id> visible() {
    std::vector<Id> ids;
    for (const LoggedSnapshot* snapshot : fixture.repository().state().visible_snapshots())
      ids.push_back(snapshot->id);
    return ids;
  }
  std::uint64_t entries() { return fixture.repository().state().next_number; }

  RepositoryFixture fixture;
  FindingList findings;
};

TEST_CASE_FIXTURE(ForgetWorld, "forget marks in one entry, undelete takes the mark away") {
  const std::vector<Id> all = visible();
  const std::uint64_t before = entries();
  const PlannedForget done = run_forget(fixture.repository(), keep_last(1), findings);
  CHECK(done.plan.forgotten() == std::vector<Id>{all[0], all[1]});
  CHECK(visible() == std::vector<Id>{all[2]});
  CHECK(entries() == before + 1);
  run_undelete(fixture.repository(), {all[1]});
  CHECK(visible() == std::vector<Id>{all[1], all[2]});
  CHECK(findings.all.empty());
}

TEST_CASE_FIXTURE(ForgetWorld, "a dry run and a plan that forgets nothing append nothing") {
  const std::uint64_t before = entries();
  ForgetOptions options = keep_last(1);
  options.is_dry_run = true;
  CHECK(run_forget(fixture.repository(), options, findings).plan.forgotten().size() == 2);
  CHECK(run_forget(fixture.repository(), keep_last(3), findings).plan.forgotten().empty());
  CHECK(entries() == before);
  CHECK(visible().size() == 3);
}

TEST_CASE_FIXTURE(ForgetWorld, "a group is never emptied unless that is said") {
  ForgetOptions options = keep_last(0);
  options.policy.tags = {{"no such tag"}};
  CHECK(kind_of([&] { run_forget(fixture.repository(), options, findings); }) ==
        ErrorKind::refused);
  options.policy = {};
  options.named = visible();
  CHECK(kind_of([&] { run_forget(fixture.repository(), options, findings); }) ==
        ErrorKind::refused);
  CHECK(visible().size() == 3);
  options.may_empty_group = true;
  run_forget(fixture.repository(), options, findings);
  CHECK(visible().empty());
}

TEST_CASE_FIXTURE(ForgetWorld, "neither names nor a policy is a usage error") {
  CHECK(kind_of([&] { run_forget(fixture.repository(), keep_last(0), findings); }) ==
        ErrorKind::usage);
}

TEST_CASE_FIXTURE(ForgetWorld, "two machines that forget at once leave the group its last one") {
  const std::vector<Id> all = visible();
  auto other = Repository::open(fixture.faults(), RepositoryFixture::credential(), {}, findings);
  ForgetOptions options;
  options.now = {kNoon, 0};
  options.named = {all[0], all[1]};
  run_forget(*other, options, findings);
  options.named = {all[2]};
  // The fixture's view still shows all three.
  CHECK(visible().size() == 3);
  CHECK(kind_of([&] { run_forget(fixture.repository(), options, findings); }) ==
        ErrorKind::refused);
  CHECK(visible() == std::vector<Id>{all[2]});
}

TEST_CASE_FIXTURE(ForgetWorld, "what another machine forgot meanwhile is not forgotten twice") {
  auto other = Repository::open(fixture.faults(), RepositoryFixture::credential(), {}, findings);
  run_forget(*other, keep_last(1), findings);
  const std::uint64_t before = other->state().next_number;
  CHECK(run_forget(fixture.repository(), keep_last(1), findings).plan.forgotten().empty());
  CHECK(entries() == before);
}

TEST_CASE_FIXTURE(ForgetWorld, "what was collected does not come back") {
  const std::vector<Id> all = visible();
  run_forget(fixture.repository(), keep_last(1), findings);
  fixture.repository().append([&](const LogState&) {
    LogAppend entry;
    entry.type = LogEntryType::remove;
    entry.body = encode_remove_body({{all[0]}, {}});
    return entry;
  });
  CHECK(kind_of([&] {
          run_undelete(fixture.repository(), {all[0], all[1]});
        }) == ErrorKind::failed);
  CHECK(visible() == std::vector<Id>{all[2]});
}

}  // namespace
}  // namespace coppice::test
