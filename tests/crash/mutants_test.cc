// The harness can fail: each of these faults, built into the modelled disk, must be reported.
#include <doctest/doctest.h>

#include "judge.h"
#include "prune/removal.h"
#include "repo/log_bodies.h"

namespace coppice::test {
namespace {

SweepResult sweep_of(CrashStore::Mutant mutant, const CrashScenario& scenario,
                     std::size_t per_cut) {
  SweepOptions options;
  options.mutant = mutant;
  options.until_first_violation = true;
  options.per_cut = per_cut;
  return sweep_cuts(scenario, options);
}
SweepResult sweep_of(CrashStore::Mutant mutant) {
  return sweep_of(mutant, crash_scenario("next backup"), 8);
}

/// Deletes what was condemned, though a snapshot that needs it has come back since.
void delete_without_marking_again(CrashWorld& world) {
  crash_scenario("prune beside a session").job(world);
  world.undelete(2);
  const auto repository = world.open();
  std::vector<ObjectRef> condemned;
  for (const Id& name : repository->state().condemned)
    condemned.push_back(*repository->state().objects.find(name));
  repository->append([&](const LogState&) {
    return LogAppend{LogEntryType::remove, {}, condemned, {}, encode_remove_body({})};
  });
  Remover(world.store(), world.findings, false).remove_spent(repository->state());
}

bool mentions(const SweepResult& result, const std::string& words) {
  for (const std::string& violation : result.violations) {
    if (violation.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a rename without a sync of the file before it is caught") {
  CHECK_FALSE(sweep_of(CrashStore::Mutant::no_file_sync).violations.empty());
}

TEST_CASE("a rename without a sync of the directory after it is caught") {
  CHECK_FALSE(sweep_of(CrashStore::Mutant::no_directory_sync).violations.empty());
}

TEST_CASE("a new directory whose own name is not synced is caught") {
  CHECK_FALSE(sweep_of(CrashStore::Mutant::no_parent_sync).violations.empty());
}

TEST_CASE("a pack of a killed backup that is counted on before its name is durable is caught") {
  const SweepResult result = sweep_of(CrashStore::Mutant::no_sync_of_adopted,
                                      crash_scenario("backup after a killed one"), 8);
  CHECK(mentions(result, "pack_missing"));
}

TEST_CASE("a log entry that goes before its packs is caught") {
  const SweepResult result = sweep_of(CrashStore::Mutant::packs_after_log);
  CHECK(mentions(result, "pack_missing"));
}

TEST_CASE("packs that are removed before the entry that deletes them are caught") {
  const SweepResult result =
      sweep_of(CrashStore::Mutant::log_after_removal, crash_scenario("prune"), 1);
  CHECK(mentions(result, "pack_missing"));
}

TEST_CASE("a collector that does not mark again before it deletes is caught") {
  CrashScenario careless = crash_scenario("prune beside a session");
  careless.job = delete_without_marking_again;
  // The trees of version 2 are among what only its pack has.
  CHECK(mentions(sweep_of(CrashStore::Mutant::none, careless, 1), "tree_damaged"));
}

TEST_CASE("a repair that removes the damaged object before the healed one is there is caught") {
  const SweepResult result =
      sweep_of(CrashStore::Mutant::removes_before_replacing, crash_scenario("repair packs"), 1);
  CHECK(mentions(result, "pack_missing"));
}

TEST_CASE("a promise that the job never kept is caught") {
  CrashStore disk;
  CrashWorld world(disk, disk, {});
  world.init();
  world.backup(1);
  CHECK(judge(disk.contents(), {Versions::kRepository, 1}).empty());
  // After the crash, after the next backup, after a collection.
  CHECK(judge(disk.contents(), {Versions::kRepository, 1, 2}) ==
        Violations{"version 2 is lost", "version 2 is lost", "version 2 is lost"});
}

TEST_CASE("the modelled disk loses what was not synced, and nothing else") {
  std::mt19937_64 random(1);
  std::uint64_t legal = 0;
  CrashStore disk;
  disk.put("a/b", as_bytes("12345678"));
  // write, sync, make directory, sync of the root, name: now "a/b" may be there or not, but whole.
  REQUIRE(disk.steps() == 6);
  CHECK(disk.states_after(5, 64, random, legal).size() == 2);
  CHECK(legal == 2);
  const auto after = disk.states_after(6, 64, random, legal);
  REQUIRE(after.size() == 1);
  CHECK(*after[0].at("a/b") == to_bytes(as_bytes("12345678")));
  disk.remove("a/b");
  CHECK(disk.states_after(7, 64, random, legal).size() == 2);
}

}  // namespace coppice::test
