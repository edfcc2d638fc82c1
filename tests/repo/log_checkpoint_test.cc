// Goal: a reader who starts at a checkpoint knows exactly what one who read all entries knows.
#include <doctest/doctest.h>

#include "base/error.h"
#include "repo/checkpoint.h"
#include "repo/log_world.h"

using namespace coppice;
using namespace coppice::test;

namespace {

/// Appends entries of all types at random: names from small pools, so that they meet.
class RandomHistory {
 public:
  explicit RandomHistory(std::uint64_t seed) : world(seed), log_(world.log("owner")) {}

  void step() {
    const std::uint64_t number = log_.refresh().next_number;
    switch (random().below(16)) {
      case 0:
      case 1:
      case 2:
        return append_snapshot();
      case 3:
        return append({LogEntryType::forget, {}, {}, {}, encode_names({snapshot(), snapshot()})});
      case 4:
        return append({LogEntryType::undelete, {}, {}, {}, encode_names({snapshot()})});
      case 5:
        return append({LogEntryType::tag,
                       {},
                       {},
                       {},
                       encode_tag_body({snapshot(), {text()}, {text(), text()}})});
      case 6:
        return append({LogEntryType::index_set,
                       {index_ref(text()), pack_ref(text())},
                       {},
                       {},
                       encode_names({name_of(text())})});
      case 7:
        return append({LogEntryType::condemn, {}, {}, encode_names({pack(), pack()}), {}});
      case 8:
        return append({LogEntryType::remove,
                       {},
                       {pack_ref("p" + text())},
                       {},
                       encode_remove_body({{snapshot()}, {name_of("s" + text())}})});
      case 9:
        return append({LogEntryType::damaged,
                       {},
                       {},
                       encode_names({pack(), pack()}),
                       encode_damaged_chunks({{pack(), {ChunkClass::data, name_of(text())}}})});
      case 10:
        return append({LogEntryType::attest, {}, {}, encode_names({pack()}), {}});
      case 11:
        return append(world.certificate_entry("reader"));
      case 12:
        if (random().below(8) != 0) return;
        return append({LogEntryType::revocation,
                       {},
                       {},
                       encode_revocation_body({world.slot("other"), number - random().below(8)}),
                       {}});
      case 13:
        return append(
            {LogEntryType::drill, {}, {}, {}, encode_drill_body("{\"n\":" + text() + "}")});
      case 14: {
        const std::uint64_t first = number - 1 - random().below(4);
        return append({LogEntryType::void_entries,
                       {},
                       {},
                       encode_void_body({first, number - 1, std::vector<Id>(number - first)}),
                       {}});
      }
      default:
        return append_rotation();
    }
  }
  std::uint64_t append_checkpoint() { return log_.append_checkpoint(); }
  const LogState& state() { return log_.refresh(); }

  LogWorld world;

 private:
  SeededRandom& random() { return world.random; }
  std::string text() { return std::to_string(random().below(12)); }
  Id snapshot() { return world.snapshot_id("record " + text()); }
  Id pack() { return name_of("p" + text()); }
  void append(const LogAppend& entry) { log_.append(entry); }
  void append_snapshot() {
    const std::string name = random().chance() ? "owner" : "other";
    const auto entry =
        world.snapshot_entry("record " + text(), {pack_ref("p" + text()), pack_ref("p" + text())},
                             {world.session("s" + text(), world.slot(name))});
    world.append_unchecked(name, entry);  // which may be revoked by now
  }
  void append_rotation() {
    if (random().below(4) != 0) return;
    const std::uint64_t epoch = state().newest_epoch() + 1 + random().below(3);
    world.add_epoch_keys(epoch);
    world.keys("owner").learn(std::move(world.payload("owner", {epoch}).epochs[0]));
    append(world.epoch_entry(epoch, {"auditor", "reader"}));
  }

  Log log_;
};

LogState replay_all(LogWorld& world) {
  LogReader reader(world.store, world.repository);
  LogReplay replay(world.keys("owner"));
  const LogExtent extent = reader.extent();
  for (std::uint64_t number = 0; number <= *extent.last; ++number)
    replay.apply(*reader.read(number).entry);
  return replay.state();
}

LogState start_at(LogWorld& world, std::uint64_t checkpoint) {
  LogReader reader(world.store, world.repository);
  LogReplay replay(world.keys("owner"));
  replay.start_at(*reader.read(checkpoint).entry);
  const LogExtent extent = reader.extent();
  for (std::uint64_t number = checkpoint + 1; number <= *extent.last; ++number) {
    replay.apply(*reader.read(number).entry);
  }
  return replay.state();
}

}  // namespace

TEST_CASE("a state restored from any checkpoint equals the one replayed from all entries") {
  std::size_t forgotten = 0;
  std::size_t void_snapshots = 0;
  std::size_t damaged = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    RandomHistory history(seed);
    std::vector<std::uint64_t> checkpoints;
    for (int step = 0; step < 60; ++step) {
      history.step();
      if (step % 20 == 10) checkpoints.push_back(history.append_checkpoint());
    }
    const LogState all = replay_all(history.world);
    REQUIRE(all.broken.empty());
    for (const std::uint64_t checkpoint : checkpoints) {
      CAPTURE(checkpoint);
      if (all.void_numbers.contains(checkpoint)) continue;
      CHECK(is_same_state(start_at(history.world, checkpoint), all));
    }
    CHECK(is_same_state(history.state(), all));
    CHECK(is_same_state(history.world.log("auditor").refresh(), all));
    for (const LoggedSnapshot& snapshot : all.snapshots) {
      forgotten += snapshot.is_forgotten ? 1 : 0;
      void_snapshots += all.is_void(snapshot) ? 1 : 0;
    }
    damaged += all.damaged.size();
  }
  // The histories must have reached what the property is about.
  CHECK(forgotten > 20);
  CHECK(void_snapshots > 20);
  CHECK(damaged > 20);
}

TEST_CASE("entries before a checkpoint may be deleted") {
  RandomHistory history(42);
  for (int step = 0; step < 40; ++step) history.step();
  const std::uint64_t checkpoint = history.append_checkpoint();
  for (int step = 0; step < 3; ++step) {
    history.world.log("owner").append(history.world.snapshot_entry("after"));
  }
  const LogState all = replay_all(history.world);
  for (std::uint64_t number = 0; number < checkpoint; ++number) history.world.remove(number);
  Log log = history.world.log("auditor");
  CHECK(is_same_state(log.refresh(), all));
  CHECK(log.state().findings.empty());
}

TEST_CASE("a checkpoint that does not say what the entries say is found by who knows them") {
  LogWorld world;
  world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}));
  Log honest = world.log("writer");
  honest.refresh();
  LogState lie = honest.state();
  lie.snapshots.clear();
  Checkpoint checkpoint = restate(lie);
  const std::uint64_t number = world.append_unchecked(
      "auditor", {LogEntryType::checkpoint, checkpoint.adds, checkpoint.deletes,
                  checkpoint.public_body, checkpoint.body});
  CHECK(honest.refresh().broken == std::set<std::uint64_t>{number});
  CHECK(honest.state().visible_snapshots().size() == 1);
  CHECK(count_findings(honest.state().findings, "log_checkpoint_differs") == 1);

  // An owner's word keeps later readers from starting there.
  world.log("owner").refresh();
  world.append_unchecked(
      "owner",
      {LogEntryType::void_entries, {}, {}, encode_void_body({number, number, {Id{}}}), {}});
  CHECK(world.log("writer").refresh().visible_snapshots().size() == 1);
  CHECK_FALSE(world.log("writer").refresh().collection_is_stopped());
}

TEST_CASE("a checkpoint counts only if an auditor or owner who is not revoked signed it") {
  LogWorld world;
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("one"));
  const auto start = [&](std::uint64_t number) {
    LogReader reader(world.store, world.repository);
    LogReplay replay(world.keys("owner"));
    replay.start_at(*reader.read(number).entry);
  };
  const auto checkpoint_entry = [&] {
    const Checkpoint checkpoint = restate(owner.refresh());
    return LogAppend{LogEntryType::checkpoint, checkpoint.adds, checkpoint.deletes,
                     checkpoint.public_body, checkpoint.body};
  };
  const std::uint64_t by_auditor = world.append_unchecked("auditor", checkpoint_entry());
  CHECK_NOTHROW(start(by_auditor));
  const std::uint64_t by_writer = world.append_unchecked("writer", checkpoint_entry());
  CHECK_THROWS_AS(start(by_writer), Error);
  const std::uint64_t claimed = world.append_unchecked(
      "writer", checkpoint_entry(), [&](LogEntry& entry) { entry.signer = world.slot("owner"); });
  CHECK_THROWS_AS(start(claimed), Error);
  CHECK_THROWS_AS(start(kFirstFree), Error);  // a snapshot
  owner.refresh();
  owner.append({LogEntryType::revocation,
                {},
                {},
                encode_revocation_body({world.slot("auditor"), claimed + 1}),
                {}});
  const std::uint64_t by_revoked = world.append_unchecked("auditor", checkpoint_entry());
  CHECK_THROWS_AS(start(by_revoked), Error);
  // Readers find the sound one nevertheless.
  const LogState state = world.log("reader").refresh();
  CHECK(state.visible_snapshots().size() == 1);
  CHECK(is_same_state(state, replay_all(world)));
}

TEST_CASE("a checkpoint with any byte of its bodies cut is refused") {
  LogWorld world;
  Log owner = world.log("owner");
  owner.append(
      world.snapshot_entry("one", {pack_ref("p")}, {world.session("s", world.slot("owner"))}));
  owner.append(
      {LogEntryType::damaged, {}, {}, encode_names({name_of("p")}), encode_damaged_chunks({})});
  owner.append({LogEntryType::drill, {}, {}, {}, encode_drill_body("{}")});
  const Checkpoint checkpoint = make_checkpoint(owner.state());
  LogEntry entry;
  entry.adds = checkpoint.adds;
  entry.public_body = checkpoint.public_body;
  const ChunkIdentity& identity = world.keys("owner").identity(ChunkClass::metadata);
  for (std::size_t size = 0; size < checkpoint.body.size(); ++size) {
    LogState state;
    CHECK_THROWS_AS(restore_contents(state, entry, ByteView(checkpoint.body).first(size), identity),
                    Error);
  }
  for (std::size_t size = 0; size < checkpoint.public_body.size(); ++size) {
    CHECK_THROWS_AS(decode_checkpoint_body(ByteView(checkpoint.public_body).first(size)), Error);
  }
  LogState state;
  CHECK_NOTHROW(restore_contents(state, entry, checkpoint.body, identity));
  for (std::size_t at = 0; at < checkpoint.body.size(); ++at) {
    Bytes altered = checkpoint.body;
    altered[at] ^= 0xFF;
    LogState any;
    try {
      restore_contents(any, entry, altered, identity);
    } catch (const Error&) {
      continue;
    }
  }
}
