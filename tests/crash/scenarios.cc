#include <stdexcept>

#include "crash_world.h"
#include "repo/object_names.h"
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

void forget(CrashWorld& world, int version) {
  const auto repository = world.open();
  world.release(version);
  ForgetOptions options;
  options.named = {snapshot_of(*repository, version)};
  run_forget(*repository, options, world.findings);
}
void forget(CrashWorld& world) { forget(world, 1); }

void one_forgotten(CrashWorld& world) {
  two_snapshots(world);
  forget(world);
}

void undelete(CrashWorld& world) {
  const auto repository = world.open();
  run_undelete(*repository, {snapshot_of(*repository, 1)});
  world.promise(1);
}

void two_forgotten(CrashWorld& world) {
  world.init();
  for (const int version : {1, 2, 3}) world.backup(version);
  forget(world);
  forget(world, 2);
}

void prune(CrashWorld& world) { world.prune(); }

void forget_and_prune(CrashWorld& world) {
  forget(world);
  world.prune();
}

/// A pack with parity of which half is needed, and one of which nothing is.
void large_forgotten(CrashWorld& world) {
  world.init();
  for (const int version : {Versions::kLarge, 1, 2}) world.backup(version);
  forget(world, Versions::kLarge);
}

/// As many small packs as are joined, and a log with entries before the last checkpoint but one.
void many_small(CrashWorld& world) {
  world.init();
  for (int n = 0; n < 9; ++n) {
    world.backup(Versions::kNext + 1 + n);
    if (n % 4 == 3) checkpoint(world);
  }
}

/// Damages the middle of an object's file.
void damage(CrashWorld& world, const std::string& name) {
  Bytes bytes = world.store().read_all(name, 64 << 20);
  std::uint8_t& byte = bytes.at(bytes.size() / 2);
  byte = static_cast<std::uint8_t>(byte ^ 0x55U);
  world.store().put(name, bytes);
}

/// A file of each kind is damaged or gone, and its other one is whole.
void healable(CrashWorld& world) {
  two_snapshots(world);
  std::vector<std::string> packs;
  for (const ObjectInfo& object : world.store().list("packs/")) {
    if (!object.name.ends_with(".copy")) packs.push_back(object.name);
  }
  damage(world, packs.at(0));
  world.store().remove(packs.at(1) + ".copy");
  damage(world, kHeaderName);
  damage(world, log_entry_name(1));
  world.store().remove(copy_name(log_entry_name(2)));
}

void repair(CrashWorld& world) { world.repair_packs(); }

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
      {"prune", two_forgotten, prune},
      {"forget and prune", two_snapshots, forget_and_prune},
      {"large prune", large_forgotten, prune, true},
      {"joining prune", many_small, prune, true},
      {"repair packs", healable, repair, false, true},
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
