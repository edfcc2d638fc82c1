#include <stdlib.h>

#include <stdexcept>

#include "crash_world.h"

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

void repository_without_parity(CrashWorld& world) { world.init(std::nullopt); }
/// Its pack is whole, so what is in it is not stored again. A large one without parity: a side file
/// that is put beside it would make its name durable.
void backup_after_a_killed_one(CrashWorld& world) {
  world.begin_backup(Versions::kLarge);
  world.backup(Versions::kLarge);
}

void checkpoint(CrashWorld& world) {
  const auto repository = world.open();
  repository->log().append_checkpoint();
}

void forget(CrashWorld& world) { world.forget({1}); }

void one_forgotten(CrashWorld& world) {
  two_snapshots(world);
  world.forget({1});
}

void undelete(CrashWorld& world) { world.undelete(1); }

/// More packs than are left without an index object, one short of it.
void many_packs(CrashWorld& world) {
  world.init();
  for (int n = 0; n < 63; ++n) world.backup(Versions::kNext + 1 + n);
}

}  // namespace

std::vector<CrashScenario> backup_scenarios() {
  return {
      {"init", nothing, init},
      {"first backup", repository, first_backup},
      {"next backup", two_snapshots, next_backup},
      {"large backup", two_snapshots, large_backup},
      {"unchanged backup", two_snapshots, unchanged_backup},
      {"backup after a killed one", repository_without_parity, backup_after_a_killed_one,
       CrashScenario::Effort::sampled},
      {"checkpoint", two_snapshots, checkpoint},
      {"forget", two_snapshots, forget},
      {"undelete", one_forgotten, undelete},
      {"merging backup", many_packs, next_backup, CrashScenario::Effort::slow},
  };
}

const std::vector<CrashScenario>& crash_scenarios() {
  static const std::vector<CrashScenario> all = [] {
    std::vector<CrashScenario> each = backup_scenarios();
    for (CrashScenario& scenario : collection_scenarios()) each.push_back(std::move(scenario));
    for (CrashScenario& scenario : repair_scenarios()) each.push_back(std::move(scenario));
    const char* wish = getenv("COPPICE_CRASH_JOBS");
    if (wish != nullptr) {
      std::erase_if(each, [wish](const CrashScenario& scenario) {
        return scenario.name.find(wish) == std::string::npos;
      });
    }
    return each;
  }();
  return all;
}

const CrashScenario& crash_scenario(const std::string& name) {
  for (const CrashScenario& scenario : crash_scenarios()) {
    if (scenario.name == name) return scenario;
  }
  throw std::logic_error("no scenario is called " + name);
}

}  // namespace coppice::test
