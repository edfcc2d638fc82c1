// Goal: the state follows from genuine, allowed entries alone, in their order.
#include "repo/log_replay.h"

#include <doctest/doctest.h>

#include "repo/log_world.h"

using namespace coppice;
using namespace coppice::test;

namespace {

LogAppend names_entry(LogEntryType type, const std::vector<Id>& names) {
  const bool is_public = type == LogEntryType::condemn || type == LogEntryType::attest;
  return is_public ? LogAppend{type, {}, {}, encode_names(names), {}}
                   : LogAppend{type, {}, {}, {}, encode_names(names)};
}

LogAppend remove_entry(std::vector<ObjectRef> deletes, RemoveBody body = {}) {
  return {LogEntryType::remove, {}, std::move(deletes), {}, encode_remove_body(body)};
}

LogAppend damaged_entry(const std::vector<Id>& packs, const std::vector<DamagedChunk>& chunks) {
  return {LogEntryType::damaged, {}, {}, encode_names(packs), encode_damaged_chunks(chunks)};
}

LogAppend revocation_entry(const SlotId& slot, std::uint64_t from) {
  return {LogEntryType::revocation, {}, {}, encode_revocation_body({slot, from}), {}};
}

LogAppend void_entry(std::uint64_t first, std::uint64_t last) {
  return {LogEntryType::void_entries,
          {},
          {},
          encode_void_body({first, last, std::vector<Id>(last - first + 1)}),
          {}};
}

/// The state that a fresh reader sees.
LogState state_for(LogWorld& world, const std::string& name = "owner") {
  Log log = world.log(name);
  return log.refresh();
}

std::vector<std::string> visible_records(const LogState& state) {
  std::vector<std::string> records;
  for (const LoggedSnapshot* snapshot : state.visible_snapshots()) {
    records.emplace_back(as_text(snapshot->record));
  }
  return records;
}

using Records = std::vector<std::string>;

}  // namespace

TEST_CASE("a new log tells parameters, keys and certificates to every role") {
  LogWorld world;
  for (const std::string name : {"owner", "auditor", "reader", "writer", "other"}) {
    CAPTURE(name);
    const LogState state = state_for(world, name);
    CHECK(state.next_number == kFirstFree);
    CHECK(state.findings.empty());
    REQUIRE(state.parameters);
    CHECK(state.parameters->parity_data_sectors == 247);
    CHECK(state.newest_epoch() == 0);
    const Certificate& own = state.certificates.at(world.slot(name));
    CHECK(own.terms.hosts == std::vector<std::string>{"host-" + name});
    CHECK(own.terms.trusted_slots == std::vector<SlotId>{world.slot("owner")});
    CHECK(state.root_entries.size() == 6);
  }
}

TEST_CASE("a snapshot entry adds the snapshot, its packs and its sessions' boxes") {
  LogWorld world;
  const SessionBox box = world.session("s", world.slot("writer"));
  const std::uint64_t number =
      world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}, {box}));
  const LogState state = state_for(world);
  REQUIRE(state.snapshots.size() == 1);
  CHECK(state.snapshots[0].number == number);
  CHECK(state.snapshots[0].slot == world.slot("writer"));
  CHECK(state.snapshots[0].id == world.snapshot_id("one"));
  CHECK(state.objects.is_live(name_of("p")));
  CHECK(state.session_boxes.at(name_of("s")) == std::vector{box});
}

TEST_CASE("forget hides a snapshot, undelete brings it back, delete ends it") {
  LogWorld world;
  world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}));
  world.log("writer").append(world.snapshot_entry("two"));
  Log log = world.log("auditor");
  log.append(
      names_entry(LogEntryType::forget, {world.snapshot_id("one"), world.snapshot_id("none")}));
  CHECK(visible_records(log.state()) == Records{"two"});
  CHECK(count_findings(log.state().findings, "log_snapshot_unknown") == 1);
  log.append(names_entry(LogEntryType::undelete, {world.snapshot_id("one")}));
  CHECK(visible_records(log.state()) == Records{"one", "two"});
  log.append(names_entry(LogEntryType::forget, {world.snapshot_id("one")}));
  // Only what is forgotten can end.
  log.append(
      remove_entry({pack_ref("p")}, {{world.snapshot_id("one"), world.snapshot_id("two")}, {}}));
  log.append(names_entry(LogEntryType::undelete, {world.snapshot_id("one")}));
  CHECK(visible_records(log.state()) == Records{"two"});
  CHECK(log.state().snapshots.size() == 1);
}

TEST_CASE("tags are added and removed, the last word counts") {
  LogWorld world;
  Log log = world.log("owner");
  log.append(world.snapshot_entry("one"));
  const Id id = world.snapshot_id("one");
  log.append({LogEntryType::tag, {}, {}, {}, encode_tag_body({id, {"a", "b"}, {"c"}})});
  log.append({LogEntryType::tag, {}, {}, {}, encode_tag_body({id, {"c"}, {"b"}})});
  CHECK(log.state().snapshots[0].added_tags == std::set<std::string>{"a", "c"});
  CHECK(log.state().snapshots[0].removed_tags == std::set<std::string>{"b"});
}

TEST_CASE("an index set replaces index objects, which live on until they are deleted") {
  LogWorld world;
  Log log = world.log("writer");
  log.append({LogEntryType::index_set, {index_ref("i")}, {}, {}, encode_names({})});
  log.append({LogEntryType::index_set, {index_ref("j")}, {}, {}, encode_names({name_of("i")})});
  CHECK(log.state().index_names == std::set<Id>{name_of("j")});
  CHECK(log.state().objects.is_live(name_of("i")));
  Log owner = world.log("owner");
  owner.append(remove_entry({index_ref("i"), index_ref("j")}));
  CHECK(owner.state().index_names.empty());
  CHECK(owner.state().objects.live().empty());
}

TEST_CASE("packs are condemned, attested, damaged and deleted") {
  LogWorld world;
  Log log = world.log("owner");
  log.append(world.snapshot_entry("one", {pack_ref("p"), pack_ref("q")}));
  const Id p = name_of("p");
  const Id q = name_of("q");
  const ChunkName chunk{ChunkClass::data, name_of("c")};
  const ChunkName other{ChunkClass::metadata, name_of("c")};

  log.append(names_entry(LogEntryType::condemn, {p, name_of("unknown")}));
  CHECK(log.state().condemned == std::set<Id>{p});
  log.append(names_entry(LogEntryType::attest, {p, q, name_of("unknown")}));
  CHECK(log.state().attested == std::set<Id>{p, q});

  log.append(damaged_entry({p}, {{p, chunk}, {q, chunk}}));
  CHECK(log.state().is_damaged(p, chunk));
  CHECK_FALSE(log.state().is_damaged(p, other));
  CHECK_FALSE(log.state().is_damaged(q, chunk));
  CHECK(log.state().attested == std::set<Id>{q});
  log.append(damaged_entry({p}, {{p, other}}));
  CHECK(log.state().is_damaged(p, chunk));
  CHECK(log.state().is_damaged(p, other));
  log.append(damaged_entry({q}, {}));
  log.append(damaged_entry({q}, {{q, chunk}}));
  CHECK(log.state().is_damaged(q, other));
  log.append(names_entry(LogEntryType::attest, {q}));
  CHECK_FALSE(log.state().is_damaged(q, other));

  log.append(remove_entry({pack_ref("p")}));
  CHECK(log.state().condemned.empty());
  CHECK(log.state().damaged.empty());
  CHECK_FALSE(log.state().objects.is_live(p));
  CHECK(log.state().objects.is_deleted(p));
}

TEST_CASE("a deleted name is never live again, whoever names it") {
  LogWorld world;
  Log log = world.log("owner");
  log.append(remove_entry({pack_ref("orphan")}));
  log.append(world.snapshot_entry("late", {pack_ref("orphan")}));
  CHECK_FALSE(log.state().objects.is_live(name_of("orphan")));
  CHECK(count_findings(log.state().findings, "log_object_refused") == 1);
  CHECK(visible_records(log.state()) == Records{"late"});
  CHECK_FALSE(log.state().collection_is_stopped());
}

TEST_CASE("an object keeps the description under which it became known") {
  LogWorld world;
  world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}));
  ObjectRef lie = pack_ref("p");
  lie.length += 1;
  world.log("other").append(world.snapshot_entry("two", {lie}));
  const LogState state = state_for(world);
  CHECK(*state.objects.find(name_of("p")) == pack_ref("p"));
  CHECK(count_findings(state.findings, "log_object_refused") == 1);
}

TEST_CASE("a writer cannot speak for another slot's session") {
  LogWorld world;
  const SessionBox genuine = world.session("s", world.slot("writer"));
  SessionBox claimed = world.session("s", world.slot("other"));
  const SessionBox foreign = world.session("s", world.slot("writer"));
  world.log("other").append(world.snapshot_entry("attack", {}, {foreign, claimed}));
  world.log("writer").append(world.snapshot_entry("victim", {}, {genuine}));
  const LogState state = state_for(world);
  CHECK(state.session_boxes.at(name_of("s")) == std::vector{claimed, genuine});
  CHECK(count_findings(state.findings, "log_entry_not_allowed") == 1);
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("copied", {}, {world.session("t", world.slot("writer"))}));
  CHECK(owner.state().session_boxes.contains(name_of("t")));
}

TEST_CASE("each role may append what is its own, and nothing else takes effect") {
  LogWorld world;
  const auto refused_for = [&](const std::string& name, const LogAppend& entry) {
    try {
      world.log(name).append(entry);
      return false;
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::refused);
    }
    // A program without that check is not obeyed either.
    const LogState before = state_for(world);
    world.append_unchecked(name, entry);
    const LogState after = state_for(world);
    CHECK(count_findings(after.findings, "log_entry_not_allowed") ==
          count_findings(before.findings, "log_entry_not_allowed") + 1);
    CHECK(restate(before) == restate(after));
    CHECK_FALSE(after.collection_is_stopped());
    return true;
  };
  world.log("owner").append(world.snapshot_entry("one", {pack_ref("p")}));
  const std::vector<Id> snapshot = {world.snapshot_id("one")};
  const std::vector<Id> pack = {name_of("p")};
  const LogAppend drill{LogEntryType::drill, {}, {}, {}, encode_drill_body("{}")};
  CHECK(refused_for("auditor", world.snapshot_entry("x")));
  CHECK(refused_for("reader", world.snapshot_entry("x")));
  CHECK(refused_for("writer", names_entry(LogEntryType::forget, snapshot)));
  CHECK(refused_for("reader", names_entry(LogEntryType::condemn, pack)));
  CHECK(refused_for("writer", remove_entry({pack_ref("p")})));
  CHECK(refused_for("auditor", names_entry(LogEntryType::attest, pack)));
  CHECK(refused_for("writer", drill));
  CHECK(refused_for("auditor", void_entry(0, 0)));
  CHECK(
      refused_for("reader", {LogEntryType::index_set, {index_ref("i")}, {}, {}, encode_names({})}));
  CHECK(refused_for("auditor", revocation_entry(world.slot("writer"), 0)));
  CHECK(refused_for("writer", world.certificate_entry("reader")));
  CHECK_FALSE(refused_for("reader", drill));
  CHECK_FALSE(refused_for("reader", damaged_entry(pack, {})));
  CHECK_FALSE(refused_for("writer", damaged_entry(pack, {})));
  CHECK(state_for(world).drill->json == "{}");
}

TEST_CASE("adds and deletes count only in the types that are for them") {
  LogWorld world;
  LogAppend snapshot = world.snapshot_entry("one", {pack_ref("p")});
  world.log("writer").append(snapshot);
  snapshot.deletes = {pack_ref("p")};
  CHECK_THROWS_AS(world.log("writer").append(snapshot), Error);
  world.append_unchecked("writer", snapshot);
  LogAppend forget = names_entry(LogEntryType::forget, {});
  forget.adds = {pack_ref("q")};
  world.append_unchecked("owner", forget);
  const LogState state = state_for(world);
  CHECK(state.objects.is_live(name_of("p")));
  CHECK_FALSE(state.objects.is_live(name_of("q")));
  CHECK(state.snapshots.size() == 1);
  CHECK(count_findings(state.findings, "log_entry_not_allowed") == 2);
}

TEST_CASE("a forged entry is passed over and stops collection until an owner declares it void") {
  LogWorld world;
  world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}));
  // Signed by a slot that claims to be the auditor.
  const std::uint64_t forged = world.append_unchecked(
      "writer", names_entry(LogEntryType::forget, {world.snapshot_id("one")}),
      [&](LogEntry& entry) { entry.signer = world.slot("auditor"); });
  Log log = world.log("owner");
  log.refresh();
  CHECK(visible_records(log.state()) == Records{"one"});
  CHECK(count_findings(log.state().findings, "log_entry_forged") == 1);
  CHECK(log.state().broken == std::set<std::uint64_t>{forged});
  CHECK_THROWS_AS(log.append(names_entry(LogEntryType::condemn, {name_of("p")})), Error);
  CHECK_THROWS_AS(log.append(remove_entry({pack_ref("p")})), Error);
  CHECK_THROWS_AS(log.append_checkpoint(), Error);
  log.append(world.snapshot_entry("two"));  // backups go on
  log.append(void_entry(forged, forged));
  CHECK_FALSE(log.state().collection_is_stopped());
  log.append(names_entry(LogEntryType::condemn, {name_of("p")}));
  log.append_checkpoint();
  CHECK(is_same_state(state_for(world), log.state()));
}

TEST_CASE(
    "an unknown signer, a body that does not open or decode, and an unknown epoch are broken "
    "entries") {
  LogWorld world;
  const auto alter = [&](const auto& change) {
    return world.append_unchecked("writer", world.snapshot_entry("x", {pack_ref("x")}), change);
  };
  std::set<std::uint64_t> broken;
  broken.insert(alter([&](LogEntry& entry) {
    entry.signer = SlotId::from(ByteView(name_of("z").bytes).first(16));
  }));
  broken.insert(
      alter([&](LogEntry& entry) { entry.signer = SlotId{}; }));  // the root's, signed by a slot
  broken.insert(alter([&](LogEntry& entry) { entry.body = {1}; }));
  broken.insert(alter([&](LogEntry& entry) { entry.public_body = {1}; }));
  broken.insert(alter([&](LogEntry& entry) { entry.epoch = 9; }));
  const LogState state = state_for(world);
  CHECK(state.broken == broken);
  CHECK(state.objects.live().empty());
  CHECK(state.snapshots.empty());
  CHECK(state.next_number == kFirstFree + 5);
}

TEST_CASE("an entry exchanged for another of its signer breaks the chain") {
  LogWorld world;
  const std::uint64_t first = world.log("writer").append(world.snapshot_entry("one"));
  const Bytes other_file = world.file(first);
  world.remove(first);
  world.log("writer").append(world.snapshot_entry("one again"));
  world.log("writer").append(world.snapshot_entry("two"));
  world.put(first, other_file);
  const LogState state = state_for(world);
  CHECK(state.broken == std::set<std::uint64_t>{first});
  CHECK(count_findings(state.findings, "log_chain_broken") == 1);
  CHECK(visible_records(state) == Records{"one", "two"});  // both are genuine: nothing is hidden
}

TEST_CASE("an entry with another number or repository does not count") {
  LogWorld world;
  const std::uint64_t number = world.log("writer").append(world.snapshot_entry("one"));
  world.put(number + 1, world.file(number));
  LogWorld stranger(2);
  stranger.log("writer").append(stranger.snapshot_entry("strange"));
  world.put(number + 2, stranger.file(number));
  const LogState state = state_for(world);
  CHECK(state.broken == std::set<std::uint64_t>{number + 1, number + 2});
  CHECK(visible_records(state) == Records{"one"});
}

TEST_CASE("a missing entry is a hole, not the end") {
  LogWorld world;
  const std::uint64_t number = world.log("writer").append(world.snapshot_entry("one"));
  world.log("writer").append(world.snapshot_entry("two"));
  world.remove(number);
  Log log = world.log("writer");
  log.refresh();
  CHECK(log.state().broken == std::set<std::uint64_t>{number});
  CHECK(visible_records(log.state()) == Records{"two"});
  CHECK(log.append(world.snapshot_entry("three")) == number + 2);
}

TEST_CASE("an entry of an unknown type makes the repository read-only for this program") {
  LogWorld world;
  world.append_unchecked("writer", world.snapshot_entry("x"),
                         [](LogEntry& entry) { entry.type = static_cast<LogEntryType>(77); });
  const LogState state = state_for(world);
  CHECK(state.is_read_only());
  CHECK_FALSE(state.collection_is_stopped());
  for (const std::string name : {"writer", "owner"}) {
    try {
      world.log(name).append(world.snapshot_entry("y"));
      FAIL("appended");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::newer_version);
    }
  }
  CHECK_THROWS_AS(world.log("owner").append_checkpoint(), Error);
}

TEST_CASE("an unknown type that nobody signed makes nothing read-only") {
  LogWorld world;
  world.append_unchecked("writer", world.snapshot_entry("x"), [&](LogEntry& entry) {
    entry.type = static_cast<LogEntryType>(77);
    entry.signer = world.slot("owner");
  });
  CHECK_FALSE(state_for(world).is_read_only());
  CHECK(state_for(world).collection_is_stopped());
}

TEST_CASE(
    "after its revocation a slot's entries are void, and its snapshots from the given number on") {
  LogWorld world;
  world.log("writer").append(world.snapshot_entry("good", {pack_ref("g")}));
  const std::uint64_t bad =
      world.log("writer").append(world.snapshot_entry("bad", {pack_ref("b")}));
  world.log("other").append(world.snapshot_entry("other"));
  world.log("owner").append(revocation_entry(world.slot("writer"), bad));
  CHECK_THROWS_AS(world.log("writer").append(world.snapshot_entry("late")), Error);
  world.append_unchecked("writer", world.snapshot_entry("late", {pack_ref("l")}));
  const LogState state = state_for(world);
  CHECK(visible_records(state) == Records{"good", "other"});
  CHECK(state.snapshots.size() == 3);
  CHECK(state.is_void(state.snapshots[1]));
  // What other snapshots may rest on stays.
  CHECK(state.objects.is_live(name_of("b")));
  CHECK_FALSE(state.objects.is_live(name_of("l")));
  CHECK(count_findings(state.findings, "log_entry_revoked") == 1);
  CHECK_FALSE(state.collection_is_stopped());
}

TEST_CASE("a new certificate does not undo a revocation, nor a later revocation an earlier one") {
  LogWorld world;
  Log owner = world.log("owner");
  const std::uint64_t snapshot = world.log("writer").append(world.snapshot_entry("one"));
  owner.append(revocation_entry(world.slot("writer"), snapshot));
  owner.append(revocation_entry(world.slot("writer"), snapshot + 1000));
  owner.append(world.certificate_entry("writer"));
  CHECK(visible_records(owner.state()).empty());
  CHECK_THROWS_AS(world.log("writer").append(world.snapshot_entry("late")), Error);
}

TEST_CASE("a void snapshot no longer counts, a void range cannot name what is to come") {
  LogWorld world;
  const std::uint64_t number =
      world.log("writer").append(world.snapshot_entry("one", {pack_ref("p")}));
  Log owner = world.log("owner");
  owner.append(void_entry(number, number));
  CHECK(visible_records(owner.state()).empty());
  CHECK(owner.state().objects.is_live(name_of("p")));
  const std::uint64_t wrong = owner.append(void_entry(number, number + 50));
  CHECK(owner.state().broken == std::set<std::uint64_t>{wrong});
  CHECK(owner.state().void_numbers == std::set<std::uint64_t>{number});
}

TEST_CASE("a slot learns a new epoch's key from its box; one left out cannot read on") {
  LogWorld world;
  world.keys("reader");
  world.keys("writer");
  world.keys("other");
  world.add_epoch_keys(1);
  world.keys("owner").learn(std::move(world.payload("owner", {1}).epochs[0]));
  world.log("owner").append(world.epoch_entry(1, {"owner", "reader", "writer"}));
  Log owner = world.log("owner");
  owner.append(world.snapshot_entry("in the new epoch"));
  CHECK(owner.state().newest_epoch() == 1);
  CHECK(parse_log_entry(world.file(kFirstFree + 1)).plain.epoch == 1);

  CHECK(visible_records(state_for(world, "reader")) == Records{"in the new epoch"});
  CHECK(world.keys("reader").class_key(1, ChunkClass::data) != nullptr);
  CHECK(world.log("writer").append(world.snapshot_entry("w")) == kFirstFree + 2);
  CHECK(world.keys("writer").class_key(1, ChunkClass::data) == nullptr);
  try {
    state_for(world, "other");
    FAIL("read");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::no_key);
  }
}

TEST_CASE("unknown features stop a reader or make it read-only, compatible ones do nothing") {
  const FeatureBits kinds[] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  for (const FeatureBits& features : kinds) {
    CAPTURE(features.incompatible);
    CAPTURE(features.read_only_compatible);
    LogWorld world;
    world.add_epoch_keys(1);
    world.keys("owner").learn(std::move(world.payload("owner", {1}).epochs[0]));
    Log log = world.log("owner");
    const auto entry = world.epoch_entry(1, {}, features);
    if (features.incompatible != 0) {
      CHECK_THROWS_AS(log.append(entry), Error);
      CHECK_THROWS_AS(state_for(world), Error);
      continue;
    }
    log.append(entry);
    CHECK(state_for(world).is_read_only() == (features.read_only_compatible != 0));
  }
}

TEST_CASE("an epoch out of order is broken") {
  LogWorld world;
  Log log = world.log("owner");
  const std::uint64_t number = log.append(world.epoch_entry(0, {}));
  CHECK(log.state().broken == std::set<std::uint64_t>{number});
  CHECK(log.state().root_entries.size() == 6);
}

TEST_CASE("a snapshot that was received twice is listed once, and forgotten as one") {
  LogWorld world;
  Log log = world.log("owner");
  log.append(world.snapshot_entry("one"));
  log.append(world.snapshot_entry("one"));
  CHECK(visible_records(log.state()) == Records{"one"});
  log.append(names_entry(LogEntryType::forget, {world.snapshot_id("one")}));
  CHECK(visible_records(log.state()).empty());
  log.append(world.snapshot_entry("one"));
  CHECK(visible_records(log.state()) == Records{"one"});
}
