#include "prune/prune.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "crypto/random.h"
#include "prune_world.h"
#include "repo/keyless_log.h"
#include "repo/session_beat.h"
#include "verify/verify.h"

namespace coppice::test {
namespace {

TEST_CASE_FIXTURE(PruneWorld,
                  "what only forgotten snapshots need goes, and the sum told is exact") {
  Repository& here = fixture.repository();
  write("kept", noise(400'000, 1));
  write("gone", noise(900'000, 2));
  const Id first = backup(here);
  write("gone", "small now");
  backup(here);
  forget(here, {first});
  const std::uint64_t before = stored_bytes();
  const std::size_t packs = files("packs/");
  const PruneResult result = prune(here);
  CHECK(result.snapshots == 1);
  CHECK(result.snapshots_collected == 1);
  CHECK(result.packs_moved == 1);  // "kept" lay with "gone"
  CHECK(result.removed.bytes > 900'000);
  CHECK(files("packs/") <= packs);
  expect_all_whole();
  // What was freed is what is missing, but for what was written.
  std::uint64_t written = result.bytes_rewritten;
  for (const ObjectInfo& object : fixture.faults().list("log/")) written += object.size;
  CHECK(stored_bytes() + result.removed.bytes - before < 2 * written);
  CHECK(stored_bytes() + result.removed.bytes > before);
  CHECK(here.state().condemned.empty());
  CHECK(here.state().snapshots.size() == 1);
  SUBCASE("a second run finds nothing to do") {
    const std::uint64_t entries = here.state().next_number;
    const PruneResult again = prune(here);
    CHECK(again.removed.files == 0);
    CHECK(again.packs_moved == 0);
    CHECK(here.state().next_number == entries);
  }
  SUBCASE("later backups deduplicate against what was moved") {
    const BackupResult result_of_third = backup(here, backup_options());
    CHECK(result_of_third.summary.data_blobs == 0);
    expect_all_whole();
  }
}

TEST_CASE_FIXTURE(PruneWorld, "a dry run tells the same and changes nothing") {
  Repository& here = fixture.repository();
  write("a", noise(300'000, 1));
  const Id first = backup(here);
  write("a", noise(300'000, 2));
  backup(here);
  PruneOptions options = prune_options();
  options.is_dry_run = true;
  options.as_if_forgotten = {first};
  const auto before = fixture.faults().list("");
  const PruneResult told = run_prune(here, options, findings);
  CHECK(fixture.faults().list("") == before);
  forget(here, {first});
  const PruneResult done = prune(here);
  CHECK(told.packs_dead == done.packs_dead);
  CHECK(told.packs_moved == done.packs_moved);
  CHECK(told.used_bytes == done.used_bytes);
  CHECK(told.snapshots_collected == done.snapshots_collected);
  CHECK(told.removed.packs == done.removed.packs);
  CHECK(told.removed.files == done.removed.files);
  CHECK(told.removed.bytes == done.removed.bytes);
}

TEST_CASE_FIXTURE(PruneWorld, "within the limits partly dead packs stay") {
  Repository& here = fixture.repository();
  write("kept", noise(2'500'000, 1));
  write("gone", noise(5'000'000, 2));
  const Id first = backup(here);
  write("gone", "");
  backup(here);
  forget(here, {first});
  PruneOptions options = prune_options();
  SUBCASE("of what is unused") { options.limits.max_unused.is_unlimited = true; }
  SUBCASE("of what is read") { options.limits.max_repack_bytes = 1000; }
  const PruneResult result = run_prune(here, options, findings);
  CHECK(result.packs_moved == 0);
  CHECK(result.unused_after == result.unused_bytes);
  CHECK(result.unused_after > 2'000'000);
  expect_all_whole();
}

TEST_CASE_FIXTURE(PruneWorld,
                  "without room to move anything all that is unused stays, and is told") {
  Repository& here = fixture.repository();
  write("kept", noise(2'500'000, 1));
  write("gone", noise(5'000'000, 2));
  const Id first = backup(here);
  write("gone", "");
  backup(here);
  forget(here, {first});
  PruneOptions options = prune_options();
  options.on_phase = [&](const std::string& phase) {
    if (phase == "moving") fixture.faults().limit_uploads(1'000'000);
  };
  const PruneResult result = run_prune(here, options, findings);
  CHECK(fixture.faults().fault_hits() == 1);
  fixture.faults().heal();
  CHECK(result.packs_moved == 0);
  CHECK(result.unused_bytes > 2'000'000);
  CHECK(result.unused_after == result.unused_bytes);
  const std::string told = findings.text();
  CAPTURE(told);
  CHECK(told.find("no_room_to_move") != std::string::npos);
  CHECK(told.find("takes about ") != std::string::npos);
  CHECK(told.find("beside the repository, or forget more") != std::string::npos);
  const PruneResult again = prune(here);
  CHECK(again.packs_moved == 1);
  CHECK(again.unused_after == 0);
}

/// Removes no pack, as a directory with a sticky bit does.
class KeepingStore : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  bool remove(const std::string& name) override {
    if (keeps_packs && name.starts_with("packs/"))
      throw Error(ErrorKind::failed, name + ": not permitted");
    return FaultyStore::remove(name);
  }
  bool keeps_packs = false;
};

TEST_CASE_FIXTURE(PruneWorld,
                  "a deleted pack of which the cache and the disk still tell is no place to keep") {
  KeepingStore store(fixture.faults());
  const ScratchDir cache;
  const auto here = machine(store);
  PruneOptions options = prune_options();
  options.index_cache_directory = cache.path().string();
  std::vector<Id> snapshots;
  for (std::uint32_t i = 0; i < 8; ++i) {
    write("kept" + std::to_string(i), noise(300'000, 2 * i));
    write("gone", noise(400'000, 2 * i + 1));
    snapshots.push_back(backup(*here));
  }
  write("gone", "");
  backup(*here);
  options.limits.max_repack_bytes = 0;
  run_prune(*here, options, findings);  // fills the cache with one run
  forget(*here, snapshots);
  options.limits.max_repack_bytes = 1'500'000;  // less than a quarter of the packs goes at a time
  for (int round = 0; round < 6; ++round) {
    CAPTURE(round);
    store.keeps_packs = round < 4;
    const PruneResult result = run_prune(*here, options, findings);
    const auto& live = here->state().objects.live();
    const auto packs = std::count_if(live.begin(), live.end(), [](const auto& object) {
      return object.second.kind == ObjectKind::pack;
    });
    const auto truth = machine(store);
    PruneOptions without_cache = options;
    without_cache.index_cache_directory.clear();
    without_cache.is_dry_run = options.is_dry_run = true;
    CHECK(run_prune(*here, options, findings).packs == static_cast<std::uint64_t>(packs));
    CHECK(run_prune(*here, options, findings).unused_bytes ==
          run_prune(*truth, without_cache, findings).unused_bytes);
    options.is_dry_run = false;
    CHECK(result.unused_after <= result.unused_bytes);
    findings.all.clear();
    expect_all_whole();
  }
}

TEST_CASE_FIXTURE(PruneWorld, "as many packs are moved as there is room for") {
  Repository& here = fixture.repository();
  std::vector<Id> snapshots;
  for (std::uint32_t i = 0; i < 8; ++i) {  // eight packs, of each of which half goes
    write("kept" + std::to_string(i), noise(2'500'000, 2 * i));
    write("gone", noise(5'000'000, 2 * i + 1));
    snapshots.push_back(backup(here));
  }
  write("gone", "");
  backup(here);
  forget(here, snapshots);
  PruneOptions options = prune_options();
  options.on_phase = [&](const std::string& phase) {
    if (phase == "moving") fixture.faults().limit_uploads(12'000'000);
  };
  const PruneResult result = run_prune(here, options, findings);
  CHECK(fixture.faults().fault_hits() >= 1);
  fixture.faults().heal();
  CHECK(result.packs_moved > 0);
  CHECK(result.packs_moved < 8);
  CHECK(result.removed.bytes > result.bytes_rewritten);
  CHECK(result.unused_after > 0);
  CHECK(result.unused_after < result.unused_bytes);
  CHECK(findings.text().find("run prune again") != std::string::npos);
  expect_all_whole();
  const PruneResult again = prune(here);
  CHECK(again.packs_moved == 8 - result.packs_moved);
  CHECK(again.unused_after == 0);
  expect_all_whole();
}

TEST_CASE_FIXTURE(Versions, "a base that only forgotten snapshots name stays for its delta") {
  Repository& here = fixture.repository();
  forget(here, {back_up_versions(here).front()});
  prune(here);
  CHECK(here.state().snapshots.size() == 1);
  expect_all_whole();
}

TEST_CASE_FIXTURE(Versions, "a base is moved once, however often its old pack cannot go yet") {
  Repository& here = fixture.repository();
  forget(here, {back_up_versions(here).front()});
  // A session that lives as long as the first collections.
  BeatName beat{random_id<Id>(system_random()), 0};
  clock.on_sleep = [&] {
    const std::string old = beat_name(beat);
    ++beat.counter;
    fixture.faults().put(beat_name(beat), {});
    fixture.faults().remove(old);
  };
  fixture.faults().put(beat_name(beat), {});
  const PruneResult left = prune(here);
  CHECK(left.packs_moved == 1);
  CHECK(left.unused_after > 600'000);  // the old pack, and all in it has moved
  REQUIRE(here.state().condemned.size() == 1);
  for (int again = 0; again < 3; ++again) {
    CHECK(prune(here).packs_moved == 0);
    CHECK(here.state().condemned.size() == 1);
  }
  clock.on_sleep = nullptr;
  fixture.faults().remove(beat_name(beat));
  CHECK(prune(here).packs_moved == 0);
  CHECK(here.state().condemned.empty());
  CHECK(files("packs/") == 4);  // of each of two a second file
  expect_all_whole();
}

TEST_CASE_FIXTURE(Versions, "a delta that nobody needs may stay without its base: no damage") {
  Repository& here = fixture.repository();
  const std::vector<Id> versions = back_up_versions(here, noise(12'000'000, 2));
  write("a", "");
  backup(here);
  forget(here, versions);
  PruneOptions generous = prune_options();
  generous.limits.max_unused.is_unlimited = true;
  CHECK(run_prune(here, generous, findings).packs_dead > 0);
  const auto there = machine();
  REQUIRE(there->load_index({}, findings).index.has_deltas());
  VerifyOptions wish;
  SUBCASE("structure") {}
  SUBCASE("data") { wish.read_data = true; }
  CHECK(verify_repository(*there, fixture.pool(), wish, findings).error_count == 0);
  expect_all_whole();
  CHECK_MESSAGE(findings.text().empty(), findings.text());
}

TEST_CASE_FIXTURE(PruneWorld, "small packs are joined, and what they held is the same") {
  Repository& here = fixture.repository();
  for (int i = 0; i < 12; ++i) {
    write("f" + std::to_string(i), noise(2000, static_cast<std::uint32_t>(i)));
    backup(here);
  }
  CHECK(files("packs/") == 24);
  const PruneResult result = prune(here);
  CHECK(result.packs_moved == 12);
  CHECK(files("packs/") == 2);
  CHECK(files("sessions/") == 0);
  expect_all_whole();
}

TEST_CASE_FIXTURE(PruneWorld, "a broken log, or one that a newer version wrote, is not collected") {
  Repository& here = fixture.repository();
  write("a", noise(1000, 1));
  const Id first = backup(here);
  write("a", noise(1000, 2));
  backup(here);
  forget(here, {first});
  const std::string entry = log_entry_name(here.state().next_number - 2);
  fixture.faults().hide(entry);
  fixture.faults().hide(copy_name(entry));
  const auto other = machine();
  const auto before = fixture.faults().list("");
  CHECK(kind_of([&] { prune(*other); }) == ErrorKind::damaged);
  CHECK(fixture.faults().list("") == before);
}

TEST_CASE_FIXTURE(PruneWorld, "an unreadable tree stops it before anything is condemned") {
  Repository& here = fixture.repository();
  write("a", noise(1000, 1));
  const Id first = backup(here);
  write("a", noise(1000, 2));
  backup(here);
  forget(here, {first});
  const std::uint64_t entries = here.state().next_number;
  for (const ObjectInfo& object : fixture.faults().list("packs/"))
    fixture.faults().truncate(object.name, object.size / 2);
  CHECK(kind_of([&] { prune(here); }) == ErrorKind::damaged);
  CHECK(here.state().next_number == entries);
}

TEST_CASE_FIXTURE(PruneWorld, "undelete brings back until the delete entry, and then not") {
  Repository& here = fixture.repository();
  write("a", noise(300'000, 1));
  const Id first = backup(here);
  write("a", noise(300'000, 2));
  backup(here);
  forget(here, {first});
  PruneOptions options = prune_options();
  const auto other = machine();
  options.on_phase = [&](const std::string& phase) {
    if (phase == "deleting") mark(*other, LogEntryType::undelete, {first});
  };
  const PruneResult result = run_prune(here, options, findings);
  CHECK(result.snapshots_collected == 0);
  CHECK(visible() == 2);
  expect_all_whole();
  SUBCASE("what was condemned but is needed is rescued by the next run") {
    CHECK_FALSE(machine()->state().condemned.empty());
    prune(here);
    CHECK(here.state().condemned.empty());
    CHECK(visible() == 2);
    expect_all_whole();
  }
}

TEST_CASE_FIXTURE(PruneWorld, "two collectors at once keep one copy of what both find twice") {
  Repository& here = fixture.repository();
  fixture.store_tree({file("x", noise(5000, 1))});
  fixture.store_tree_again({file("x", noise(5000, 1))});
  const auto other = machine();
  const std::string phases[] = {"marking", "moving", "waiting for sessions", "deleting",
                                "removing"};
  for (const std::string& at : phases) {
    CAPTURE(at);
    bool is_met = false;
    PruneOptions options = prune_options();
    options.on_phase = [&](const std::string& phase) {
      if (phase != at || std::exchange(is_met, true)) return;
      other->refresh();
      run_prune(*other, prune_options(), findings);
    };
    run_prune(here, options, findings);
  }
  const auto fresh = machine();
  CHECK(fresh->load_index({}, findings)
            .index.find(fixture.chunk_id(noise(5000, 1).substr(0, 1000)))
            .size() == 1);
  CHECK_MESSAGE(findings.count(Finding::Weight::damaged) == 0, findings.text());
}

TEST_CASE_FIXTURE(PruneWorld, "of two places the one that can be read is kept") {
  Repository& here = fixture.repository();
  const std::string bytes = noise(900, 1);
  fixture.store_tree({file("x", bytes)});
  fixture.store_tree_again({file("x", bytes)});
  fixture.damage_chunk(bytes, 1);
  prune(here);
  const auto fresh = machine();
  const LoadedIndex loaded = fresh->load_index({}, findings);
  BlockSource blocks(fresh->store(), loaded.index, fresh->secrets());
  ChunkReader chunks(blocks, fresh->keyring());
  CHECK(as_text(chunks.get(ChunkClass::data, fixture.chunk_id(bytes))) == bytes);
}

TEST_CASE_FIXTURE(PruneWorld,
                  "log entries before the last checkpoint but one go, and readers go on") {
  Repository& here = fixture.repository();
  write("a", "x");
  for (int i = 0; i < 3; ++i) backup(here);
  const auto sleeper = machine();
  here.log().append_checkpoint();
  backup(here);
  here.log().append_checkpoint();
  const std::size_t before = files("log/");
  const Bytes old_entry = fixture.faults().read_all(log_entry_name(3), 1 << 20);
  prune(here);
  CHECK(files("log/") < before);
  CHECK(visible() == 4);
  // Nor does a removal that was interrupted look like damage to whoever has no key.
  CHECK(KeylessLog(fixture.faults()).findings().empty());
  fixture.faults().put(log_entry_name(3), old_entry);
  CHECK(KeylessLog(fixture.faults()).findings().empty());
  CHECK(KeylessLog(fixture.faults()).is_complete());
  sleeper->refresh();
  CHECK(sleeper->state().visible_snapshots().size() == 4);
  expect_all_whole();
}

TEST_CASE_FIXTURE(PruneWorld, "on a full target the reserve is released, and comes back") {
  Repository& here = fixture.repository();
  write("a", noise(300'000, 1));
  const Id first = backup(here);
  write("a", noise(300'000, 2));
  backup(here);
  forget(here, {first});
  PruneOptions options = prune_options();
  options.on_phase = [&](const std::string& phase) {
    if (phase == "deleting")
      fixture.faults().fail({0, Error(ErrorKind::no_space, "full"), false, false});
  };
  const PruneResult result = run_prune(here, options, findings);
  CHECK(fixture.faults().fault_hits() == 1);
  CHECK(result.is_reserve_released);
  CHECK(findings.has("reserve_released", "reserve"));
  CHECK(result.removed.bytes > 300'000);
  CHECK(files("reserve/") == kReserveFiles);
  expect_all_whole();
}

}  // namespace
}  // namespace coppice::test
