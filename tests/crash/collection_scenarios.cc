#include <utility>

#include "crash_world.h"
#include "repo/session_beat.h"
#include "support/repository_objects.h"

/// Collections that are driven through every cut: alone, beside sessions that live, and overtaken
/// by others.
namespace coppice::test {
namespace {

/// Of what only version 1 brought a part is still needed, of what version 2 brought nothing.
void two_forgotten(CrashWorld& world) {
  world.init();
  for (const int version : {1, 2, 3}) world.backup(version);
  world.forget({1, 2});
}

void prune(CrashWorld& world) { world.prune(); }

/// As many small packs as are joined.
void eight_snapshots(CrashWorld& world) {
  world.init();
  for (int version = 1; version <= 8; ++version) world.backup(version);
}

/// Another machine's session, which is older than the collection and lives as long as it.
void prune_beside_session(CrashWorld& world) {
  BeatName beat{random_id<Id>(system_random()), 0};
  world.other_machine().put(beat_name(beat), {});
  CrashWorld::PruneHooks hooks;
  hooks.on_sleep = [&] {
    const std::string old = beat_name(beat);
    ++beat.counter;
    world.other_machine().put(beat_name(beat), {});
    world.other_machine().remove(old);
  };
  world.prune(hooks);
}

/// By a collector that could not wait for the end of a session, which has died since.
void condemned(CrashWorld& world) {
  two_forgotten(world);
  prune_beside_session(world);
}

/// What is condemned is needed after all.
void condemned_and_wanted(CrashWorld& world) {
  condemned(world);
  world.undelete(1);
}

void forget_and_prune(CrashWorld& world) {
  const auto repository = world.open();
  world.forget(*repository, {1});
  world.prune(*repository, {});
}

void two_snapshots(CrashWorld& world) {
  world.init();
  world.backup(1);
  world.backup(2);
}

/// Calls `meanwhile` when the collection first comes to this phase.
template <typename Meanwhile>
void prune_overtaken(CrashWorld& world, const std::string& phase, const Meanwhile& meanwhile) {
  bool is_met = false;
  CrashWorld::PruneHooks hooks;
  hooks.on_phase = [&](const std::string& at) {
    if (at == phase && !std::exchange(is_met, true)) meanwhile();
  };
  world.prune(hooks);
}

void prune_and_undelete(CrashWorld& world) {
  prune_overtaken(world, "deleting", [&] { world.undelete(1); });
}

/// The backup counts on nothing that is condemned, and its packs are new to the collector.
void prune_and_backup(CrashWorld& world) {
  prune_overtaken(world, "waiting for sessions", [&] { world.backup(2); });
}

/// A log with two checkpoints, and so many small index objects that they are joined.
void long_history(CrashWorld& world) {
  world.init();
  for (int version = 1; version <= 8; ++version) {
    world.backup(version);
    const auto repository = world.open();
    add_index_object(*repository);
    if (version == 4 || version == 6) repository->log().append_checkpoint();
  }
  world.forget({1, 2, 3, 4, 5, 6});
}

}  // namespace

std::vector<CrashScenario> collection_scenarios() {
  constexpr auto kSampled = CrashScenario::Effort::sampled;
  const Aftermath again{prune, false, {}};
  return {
      {"prune", two_forgotten, prune, kSampled, again},
      {"prune joins packs", eight_snapshots, prune, kSampled, again},
      {"prune beside a session", two_forgotten, prune_beside_session, kSampled, again},
      {"prune of what was condemned", condemned, prune, kSampled, again},
      {"prune rescues", condemned_and_wanted, prune, kSampled, again},
      {"forget and prune", two_snapshots, forget_and_prune, kSampled, again},
      {"prune and undelete", two_forgotten, prune_and_undelete, kSampled, again},
      {"prune and backup", two_forgotten, prune_and_backup, kSampled, again},
      {"prune of a long history", long_history, prune, kSampled, again},
  };
}

}  // namespace coppice::test
