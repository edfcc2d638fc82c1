#include <doctest/doctest.h>
#include <fcntl.h>

#include "fs/fd.h"
#include "prune_world.h"
#include "repo/session_beat.h"

/// Backups that a collector overtakes, step by step: they never fail, and what they make is whole.
namespace coppice::test {
namespace {

class Overtaken : public PruneWorld {
 public:
  Overtaken() {
    write("a", noise(300'000, 1));
    write("b", noise(200'000, 2));
    old_ = backup(*collector_);
    // Another snapshot, so that forgetting the first leaves packs that are wholly dead.
    std::filesystem::remove(path("a"));
    std::filesystem::remove(path("b"));
    write("c", "only this");
    backup(*collector_);
    write("a", noise(300'000, 1));
    write("b", noise(200'000, 2));
  }
  std::string path(const std::string& name) { return source_of(backup_options()) + "/" + name; }
  static std::string source_of(const BackupOptions& options) {
    return options.sources.front().live_path;
  }

  /// Forgets what the backup counts on, and collects; as if its marker stood still, or as if it
  /// moved.
  void collect(bool seems_dead) {
    forget(*collector_, {old_});
    const BeatName beat = running_session();
    std::uint32_t counter = beat.counter;
    clock.on_sleep = [&, seems_dead] {
      if (!seems_dead) fixture.faults().put(beat_name({beat.session, ++counter}), {});
    };
    result_ = prune(*collector_);
    clock.on_sleep = nullptr;
  }

  BeatName running_session() {
    for (const ObjectInfo& object : fixture.faults().list("sessions/")) {
      if (const auto beat = parse_beat_name(object.name)) return *beat;
    }
    FAIL("no session shows itself");
    return {};
  }

  std::unique_ptr<Repository> collector_ = machine();
  Id old_;
  PruneResult result_;
};

TEST_CASE_FIXTURE(Overtaken,
                  "a backup that shows life is waited for, and stores condemned blocks anew") {
  BackupOptions options = backup_options();
  options.after_index_loaded = [&] { collect(false); };
  Repository& here = fixture.repository();
  const BackupResult result = backup(here, options);
  CHECK(result.summary.data_blobs == 0);  // it counted on what was condemned
  CHECK(result_.sessions_waited_for == 1);
  CHECK(result_.packs_left_condemned > 0);
  CHECK(result_.removed.packs == 0);
  expect_all_whole();
  prune(*collector_);
  CHECK(collector_->state().condemned.empty());
  expect_all_whole();
}

TEST_CASE_FIXTURE(Overtaken, "a backup that was taken for dead reads its files again") {
  BackupOptions options = backup_options();
  int loads = 0;
  options.after_index_loaded = [&] {
    if (loads++ == 0) collect(true);
  };
  const BackupResult result = backup(fixture.repository(), options);
  CHECK(loads == 2);
  CHECK(result_.removed.packs > 0);
  CHECK(result.summary.data_blobs > 0);
  CHECK(visible() == 2);
  expect_all_whole();
}

TEST_CASE_FIXTURE(Overtaken,
                  "deleted packs whose files are still there are stored anew from them") {
  BackupOptions options = backup_options();
  int loads = 0;
  options.after_index_loaded = [&] {
    ++loads;
    forget(*collector_, {old_});
    // The collector dies between its delete entry and the first file.
    PruneOptions dying = prune_options();
    dying.on_phase = [&](const std::string& phase) {
      if (phase == "removing") throw Error(ErrorKind::interrupted, "killed");
    };
    CHECK(kind_of([&] { run_prune(*collector_, dying, findings); }) == ErrorKind::interrupted);
  };
  const BackupResult result = backup(fixture.repository(), options);
  // The boxes of the old session may be gone with its last pack: then the files are read again.
  CHECK(loads <= 2);
  CHECK(visible() == 2);
  expect_all_whole();
  prune(*collector_);
  expect_all_whole();
}

TEST_CASE_FIXTURE(Overtaken, "a stream that counted on condemned packs is stored whole") {
  Repository& here = fixture.repository();
  write("stream", noise(300'000, 9));
  const auto back_up_stream = [&](const std::function<void()>& meanwhile) {
    const Fd fd = open_at(AT_FDCWD, path("stream").c_str(), O_RDONLY);
    BackupOptions options;
    options.host = "host";
    options.stream = StreamSource{fd.get(), "/stream", {}};
    options.after_index_loaded = meanwhile;
    const Id id = *backup(here, options).snapshot_id;
    expect(id, {{"stream", noise(300'000, 9)}});
    return id;
  };
  const Id first = back_up_stream({});
  back_up_stream([&] {
    collector_->refresh();
    old_ = first;
    collect(false);
  });
  CHECK(result_.packs_left_condemned > 0);
  expect_all_whole();
  prune(*collector_);
  expect_all_whole();
}

TEST_CASE_FIXTURE(Overtaken, "a snapshot that comes between mark and delete keeps what it needs") {
  Repository& here = fixture.repository();
  forget(*collector_, {old_});
  for (const std::string at : {"waiting for sessions", "deleting"}) {
    CAPTURE(at);
    PruneOptions options = prune_options();
    bool is_met = false;
    options.on_phase = [&](const std::string& phase) {
      if (phase == at && !std::exchange(is_met, true)) backup(here);
    };
    run_prune(*collector_, options, findings);
    CHECK(is_met);
    expect_all_whole();
  }
}

TEST_CASE_FIXTURE(Overtaken,
                  "a snapshot that comes, and is forgotten, while it runs can come back") {
  Repository& here = fixture.repository();
  // A pack that is partly dead, so that there is something to move between mark and condemn.
  for (const char* name : {"a", "b"}) std::filesystem::remove(path(name));
  write("d", noise(100'000, 3));
  write("e", noise(100'000, 4));
  const Id with_d = backup(*collector_);
  std::filesystem::remove(path("d"));
  backup(*collector_);
  write("a", noise(300'000, 1));
  write("b", noise(200'000, 2));
  forget(*collector_, {old_, with_d});
  PruneOptions options = prune_options();
  std::optional<Id> fresh;
  options.on_phase = [&](const std::string& phase) {
    if (phase != "moving" || fresh) return;
    fresh = backup(here);  // counts on the packs of the old one
    forget(here, {*fresh});
  };
  run_prune(*collector_, options, findings);
  REQUIRE(fresh);
  here.refresh();
  mark(here, LogEntryType::undelete, {*fresh});
  CHECK(visible() == 3);
  expect_all_whole();
}

/// Prunes a copy of the objects, with every mutating call from number `at` on failing; as a target
/// that goes away. True if that many calls were made. Then the next run ends what was begun.
bool survives_cut(Overtaken& world, const MemoryStore::Objects& objects, std::uint64_t at) {
  MemoryStore memory(objects);
  FaultyStore store(memory);
  store.fail({at, Error(ErrorKind::failed, "cut"), true, at % 2 == 0});
  try {
    world.prune(*world.machine(store));
  } catch (const Error&) {
  }
  const bool is_hit = store.fault_hits() != 0;
  store.heal();
  world.expect_all_whole(store);
  const auto next = world.machine(store);
  world.prune(*next);
  CHECK(next->state().condemned.empty());
  CHECK(next->state().snapshots.size() == next->state().visible_snapshots().size());
  world.expect_all_whole(store);
  for (const ObjectInfo& object : store.list("packs/")) {
    Id name;
    if (from_hex(object.name.substr(object.name.rfind('/') + 1), name.bytes))
      CHECK(next->state().objects.is_live(name));
  }
  return is_hit;
}

TEST_CASE_FIXTURE(Overtaken, "no cut of a collection loses anything, and the next run ends it") {
  backup(*collector_);
  forget(*collector_, {old_});
  MemoryStore::Objects objects;
  for (const ObjectInfo& object : fixture.faults().list(""))
    objects[object.name] = fixture.faults().read_all(object.name, 1 << 24);
  std::uint64_t calls = 0;
  while (calls < 1000 && survives_cut(*this, objects, calls)) ++calls;
  CHECK(calls > 20);
  CHECK(calls < 1000);
  findings.all.clear();  // of files that could not be removed
}

}  // namespace
}  // namespace coppice::test
