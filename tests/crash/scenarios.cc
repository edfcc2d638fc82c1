#include <stdexcept>

#include "crash_world.h"
#include "retention/forget.h"
#include "snapshot/snapshot_record.h"

/// The jobs that are driven through every cut (crash_world.h says how to add one).
namespace coppice::test {
namespace {

void nothing(CrashWorld&) {}
void repository(CrashWorld& world) { world.init(); }
void two_snapshots(CrashWorld& world) {
  world.init();
  world.backup(1);
  world.backup(2);
}

void init(CrashWorld& world) { world.init(); }
void first_backup(CrashWorld& world) { world.backup(1); }
void next_backup(CrashWorld& world) { world.backup(3); }
void large_backup(CrashWorld& world) { world.backup(Versions::kLarge); }
void unchanged_backup(CrashWorld& world) { world.backup(2); }

void checkpoint(CrashWorld& world) {
  const auto repository = world.open();
  repository->log().append_checkpoint();
}

/// The snapshot of this version, forgotten or not.
Id snapshot_of(const Repository& repository, int version) {
  for (const LoggedSnapshot& snapshot : repository.state().snapshots) {
    if (decode_snapshot(snapshot.record).tags.at(0) == std::to_string(version)) return snapshot.id;
  }
  throw std::logic_error("there is no such version");
}

void forget(CrashWorld& world) {
  const auto repository = world.open();
  world.release(1);
  ForgetOptions options;
  options.named = {snapshot_of(*repository, 1)};
  run_forget(*repository, options, world.findings);
}

void one_forgotten(CrashWorld& world) {
  two_snapshots(world);
  forget(world);
}

void undelete(CrashWorld& world) {
  const auto repository = world.open();
  run_undelete(*repository, {snapshot_of(*repository, 1)});
  world.promise(1);
}

/// More packs than are left without an index object, one short of it.
void many_packs(CrashWorld& world) {
  world.init();
  for (int n = 0; n < 63; ++n) world.backup(Versions::kNext + 1 + n);
}

}  // namespace

const std::vector<CrashScenario>& crash_scenarios() {
  static const std::vector<CrashScenario> all = {
      {"init", nothing, init},
      {"first backup", repository, first_backup},
      {"next backup", two_snapshots, next_backup},
      {"large backup", two_snapshots, large_backup},
      {"unchanged backup", two_snapshots, unchanged_backup},
      {"checkpoint", two_snapshots, checkpoint},
      {"forget", two_snapshots, forget},
      {"undelete", one_forgotten, undelete},
      {"merging backup", many_packs, next_backup, true},
  };
  return all;
}

const CrashScenario& crash_scenario(const std::string& name) {
  for (const CrashScenario& scenario : crash_scenarios()) {
    if (scenario.name == name) return scenario;
  }
  throw std::logic_error("no scenario is called " + name);
}

}  // namespace coppice::test
