#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

#include "repair_world.h"
#include "repo/chunk_reader.h"
#include "repo/object_reader.h"
#include "repo/session_beat.h"

/// Repairs that store something, beside a collector; and what an interrupted backup has left, which
/// is not in the repository before an entry names it.

using namespace coppice;
using namespace coppice::test;

namespace {

/// Calls `before_entry` once, before the first entry is appended.
class StoreBeforeEntry final : public Store {
 public:
  StoreBeforeEntry(Store& inner, std::function<void()> before_entry)
      : inner_(inner), before_entry_(std::move(before_entry)) {}

  bool put_if_absent(const std::string& name, ByteView bytes) override {
    if (name.starts_with("log/") && before_entry_) std::exchange(before_entry_, nullptr)();
    return inner_.put_if_absent(name, bytes);
  }
  std::unique_ptr<Upload> begin_upload() override { return inner_.begin_upload(); }
  std::optional<std::uint64_t> size(const std::string& name) override { return inner_.size(name); }
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override {
    inner_.read(name, offset, out);
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override { return inner_.list(prefix); }
  bool remove(const std::string& name) override { return inner_.remove(name); }
  std::string description() const override { return inner_.description(); }
  bool was_called() const { return !before_entry_; }

 private:
  Store& inner_;
  std::function<void()> before_entry_;
};

/// Sessions' records, or packs, that no entry names.
std::vector<ObjectRef> unnamed(Store& store, const LogState& state, ObjectKind kind) {
  std::vector<ObjectRef> found;
  for (const ObjectInfo& object :
       store.list(kind == ObjectKind::session ? "sessions/" : "packs/")) {
    Id name;
    const std::string_view last = std::string_view(object.name).substr(object.name.rfind('/') + 1);
    if (from_hex(last, name.bytes) && !state.objects.is_live(name))
      found.push_back({kind, Side::copy, name, object.size});
  }
  return found;
}

/// As a collector does that takes every session for dead.
void delete_unnamed(Store& store, bool packs_too) {
  const auto repository = open_with_key(store);
  LogAppend entry;
  entry.type = LogEntryType::remove;
  entry.deletes = unnamed(store, repository->state(), ObjectKind::session);
  if (packs_too) {
    for (const ObjectRef& pack : unnamed(store, repository->state(), ObjectKind::pack))
      entry.deletes.push_back(pack);
  }
  REQUIRE_FALSE(entry.deletes.empty());
  entry.body = encode_remove_body({});
  repository->append([&](const LogState&) { return entry; });
  for (const ObjectRef& object : entry.deletes) {
    store.remove(object_name(object));
    store.remove(copy_name(object_name(object)));
  }
}

bool shows_a_session(Store& store) {
  for (const ObjectInfo& object : store.list("sessions/")) {
    if (parse_beat_name(object.name)) return true;
  }
  return false;
}

bool can_read_chunk(Store& store, const Id& id) {
  const auto repository = open_with_key(store);
  FindingList dropped;
  const LoadedIndex loaded = repository->load_index({}, dropped);
  BlockSource blocks(store, loaded.index, repository->secrets());
  try {
    ChunkReader(blocks, repository->keyring()).get(ChunkClass::data, id);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void remove_all_packs(Store& store) {
  for (const ObjectInfo& object : store.list("packs/")) store.remove(object.name);
}

/// A repository that has lost its only pack, and a sister of it that has the same files.
struct Sisters {
  Sisters() : store(objects_of(fixture.repository().store())) { remove_all_packs(store); }

  static RepositoryFixture& fill(RepositoryFixture& fixture) {
    fixture.store_tree({file("a", "lost content"), file("b", "other content")});
    return fixture;
  }

  bool refill(Store& through) {
    ThreadPool pool(2);
    RepairResult result;
    FindingList findings;
    const auto repository = open_with_key(through);
    return refill_from(*repository, sister.repository(), pool, {}, result, findings);
  }

  RepositoryFixture fixture;
  RepositoryFixture sister{1000, std::nullopt, &fixture};
  const bool is_filled = (fill(fixture), fill(sister), true);
  MemoryStore store;
  const Id lost = fixture.chunk_id("lost content");
};

/// What a backup that was killed before its entry leaves.
void store_without_entry(Repository& repository, ThreadPool& pool, const std::string& content) {
  ChunkWriterOptions options;
  options.cipher = repository.parameters().cipher;
  const Index nothing;
  ChunkWriter writer(repository.store(), pool, repository.keyring(), nothing,
                     repository.begin_session(system_random(), "host", {1, 0}), options);
  writer.put(ChunkClass::data,
             repository.keyring().identity(ChunkClass::data).id(as_bytes(content)),
             as_bytes(content));
  writer.finish();
}

}  // namespace

TEST_CASE("a refill shows that it lives until its entry is there, and no longer") {
  Sisters sisters;
  bool is_shown = false;
  StoreBeforeEntry store(sisters.store, [&] { is_shown = shows_a_session(sisters.store); });
  CHECK(sisters.refill(store));
  CHECK(store.was_called());
  CHECK(is_shown);
  CHECK_FALSE(shows_a_session(sisters.store));
  CHECK(can_read_chunk(sisters.store, sisters.lost));
}

TEST_CASE("what a collector deleted before the refill's entry is stored anew") {
  Sisters sisters;
  bool packs_too = false;
  SUBCASE("the session's record, without which the packs cannot be opened") {}
  SUBCASE("the packs too") { packs_too = true; }
  StoreBeforeEntry store(sisters.store, [&] { delete_unnamed(sisters.store, packs_too); });
  CHECK(sisters.refill(store));
  CHECK(store.was_called());
  CHECK(can_read_chunk(sisters.store, sisters.lost));
  CHECK(can_read_chunk(sisters.store, sisters.fixture.chunk_id("other content")));
  // No later backup counts on packs that nobody can open.
  const auto repository = open_with_key(sisters.store);
  for (const auto& [name, object] : repository->state().objects.live()) {
    if (object.kind == ObjectKind::session) CHECK(sisters.store.size(session_name(name)));
  }
  for (const Finding& finding : repository->state().findings)
    CHECK(finding.code != "log_object_refused");
}

TEST_CASE("a refill does not count on packs of an interrupted backup, which no entry names") {
  Sisters sisters;
  {
    const auto repository = open_with_key(sisters.store);
    ThreadPool pool(1);
    store_without_entry(*repository, pool, "lost content");
  }
  CHECK(sisters.refill(sisters.store));
  CHECK(can_read_chunk(sisters.store, sisters.lost));
}

TEST_CASE("repaired snapshots are not made of what a collector has deleted") {
  RepositoryFixture fixture;
  fixture.store_tree({directory("d", {file("x", "lost content")})});
  fixture.store_tree({directory("d", {file("y", "kept content")})});
  MemoryStore objects(objects_of(fixture.repository().store()));
  const std::string lost = pack_name([&] {
    FindingList dropped;
    const LoadedIndex loaded = fixture.repository().load_index({}, dropped);
    return loaded.index.find(fixture.chunk_id("lost content")).front().pack_record().name;
  }());
  objects.remove(lost);
  objects.remove(copy_name(lost));
  bool is_shown = false;
  bool deletes = false;
  SUBCASE("it shows that it lives") {}
  SUBCASE("a collector that did not see it is read of") { deletes = true; }
  StoreBeforeEntry store(objects, [&] {
    is_shown = shows_a_session(objects);
    if (deletes) delete_unnamed(objects, true);
  });
  const auto repository = open_with_key(store);
  const std::size_t before = repository->state().snapshots.size();
  ThreadPool pool(2);
  FindingList findings;
  std::vector<RepairedSnapshot> repaired;
  std::optional<ErrorKind> thrown;
  try {
    repair_snapshots(*repository, pool, {}, "coppice test", repaired, findings);
  } catch (const Error& error) {
    thrown = error.kind();
  }
  CHECK(store.was_called());
  CHECK(is_shown);
  CHECK_FALSE(shows_a_session(objects));
  CHECK(thrown.has_value() == deletes);
  CHECK(repaired.size() == (deletes ? 0 : 1));
  CHECK(open_with_key(objects)->state().snapshots.size() == before + repaired.size());
}

TEST_CASE("content that only an interrupted backup has stored is told as lost") {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", "lost content")});
  fixture.damage_chunk("lost content");  // and not the tree
  MemoryStore store(objects_of(fixture.repository().store()));
  ThreadPool pool(2);
  FindingList findings;
  RepairResult marked = repair_packs(store, nullptr, pool, {}, findings);
  mark_lost_packs(*open_with_key(store), {}, marked, findings);
  store_without_entry(*open_with_key(store), pool, "lost content");
  REQUIRE_FALSE(can_read_chunk(store, fixture.chunk_id("lost content")));
  FindingList of_snapshots;
  std::vector<RepairedSnapshot> repaired;
  repair_snapshots(*open_with_key(store), pool, {}, "coppice test", repaired, of_snapshots);
  REQUIRE(repaired.size() == 1);
  CHECK(of_snapshots.has("content_lost", repaired[0].old_id.short_hex() + ":/a"));
}
