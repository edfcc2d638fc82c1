#include <doctest/doctest.h>

#include "pack/pack_file.h"
#include "prune_world.h"
#include "repair/repair.h"
#include "support/repository_objects.h"

/// Packs whose table nobody has, neither they themselves nor an index: what they need to be read is
/// unknown (docs/decisions/0021-unknown-packs.md).
namespace coppice::test {
namespace {

class Unknown : public Versions {
 public:
  Unknown() {
    Repository& here = fixture.repository();
    const std::vector<Id> versions = back_up_versions(here);
    write("new", noise(3000, 3));  // so that the trees lie in a pack of their own
    last_ = backup(here);
    forget(here, versions);
    const LoadedIndex loaded = here.load_index({}, findings);
    for (const IndexRun& run : loaded.index.runs()) {
      for (const BlockRecord& block : run.blocks()) {
        const bool is_data = block.chunk_class == static_cast<std::uint8_t>(ChunkClass::data);
        if (is_data && (block.encoding & kEncodingDelta) != 0)
          of_deltas_ = run.packs()[block.pack].name;
      }
    }
    whole_ = objects_of(fixture.faults());
  }
  std::vector<std::string> files_of_deltas() const {
    return {pack_name(of_deltas_), copy_name(pack_name(of_deltas_))};
  }
  Objects without_deltas() const {
    Objects objects = whole_;
    for (const std::string& name : files_of_deltas()) REQUIRE(objects.erase(name) == 1);
    return objects;
  }
  /// What is missing comes back, as when a copy of the repository is finished.
  void bring_back(Store& store) const {
    for (const std::string& name : files_of_deltas()) {
      store.remove(name);
      store.put(name, whole_.at(name));
    }
  }
  static std::size_t packs_in(Store& store) { return store.list("packs/").size(); }
  /// That `prune` ends so, and deletes nothing.
  void expect_refusal(Store& store, ErrorKind kind) {
    const auto collector = machine(store);
    const std::uint64_t entries = collector->state().next_number;
    const std::size_t packs = packs_in(store);
    CHECK(kind_of([&] { prune(*collector); }) == kind);
    CHECK(packs_in(store) == packs);
    CHECK(collector->state().next_number == entries);
    CHECK(collector->state().condemned.empty());
  }

  Id last_;
  Id of_deltas_;
  Objects whole_;
};

TEST_CASE_FIXTURE(Unknown, "the bases of deltas in a pack that is missing for now stay") {
  Objects objects = without_deltas();
  SUBCASE("missing") {}
  SUBCASE("unreadable") {
    for (const std::string& name : files_of_deltas())
      objects[name] = Bytes(whole_.at(name).size(), 0x55);
  }
  SUBCASE("cut short") {
    for (const std::string& name : files_of_deltas()) objects[name] = Bytes(100);
  }
  MemoryStore store(objects);
  expect_refusal(store, ErrorKind::damaged);
  CHECK(findings.text().find("chunks_missing") != std::string::npos);
  findings.all.clear();
  bring_back(store);
  prune(*machine(store));
  expect_all_whole(store);
}

TEST_CASE_FIXTURE(Unknown, "a mark in the log does not make the bases dead: a copy may come") {
  MemoryStore store(without_deltas());
  const auto owner = machine(store);
  RepairResult result = repair_packs(store, nullptr, fixture.pool(), {}, findings);
  mark_lost_packs(*owner, {}, result, findings);
  REQUIRE(owner->state().damaged.contains(of_deltas_));
  expect_refusal(store, ErrorKind::damaged);
  bring_back(store);
  findings.all.clear();
  prune(*machine(store));
  expect_all_whole(store);
}

TEST_CASE_FIXTURE(Unknown, "once no snapshot needs what is lost, the rest is collected") {
  MemoryStore store(without_deltas());
  const auto owner = machine(store);
  forget(*owner, {last_});
  const std::size_t before = packs_in(store);
  SUBCASE("and a pack that might come back stays in the log") {
    CHECK(prune(*owner).packs_dead > 0);
    CHECK(owner->state().objects.is_live(of_deltas_));
  }
  SUBCASE("and so is the pack that the log calls lost") {
    RepairResult result = repair_packs(store, nullptr, fixture.pool(), {}, findings);
    mark_lost_packs(*owner, {}, result, findings);
    prune(*owner);
    CHECK_FALSE(owner->state().objects.is_live(of_deltas_));
    findings.all.clear();
    machine(store)->load_index({}, findings);
    CHECK_MESSAGE(findings.all.empty(), findings.text());
  }
  CHECK(packs_in(store) < before);
}

TEST_CASE_FIXTURE(Unknown,
                  "a snapshot that comes while it runs, with a pack that is lost at once") {
  MemoryStore store(whole_);
  const auto collector = machine(store);
  PruneOptions options = prune_options();
  options.on_phase = [&](const std::string& phase) {
    if (phase != "deleting") return;
    const Objects before = objects_of(store);
    write("new", noise(5000, 7));
    backup(*machine(store));
    for (const std::string& name : names_of(objects_of(store), "packs/")) {
      if (before.contains(name)) continue;
      store.remove(name);
      store.remove(copy_name(name));
    }
  };
  forget(*collector, {last_});
  const std::size_t packs = packs_in(store);
  CHECK(kind_of([&] { run_prune(*collector, options, findings); }) == ErrorKind::damaged);
  CHECK(packs_in(store) == packs);
}

TEST_CASE_FIXTURE(Unknown, "a table of a newer version: 17, whether it is needed or not") {
  Objects objects = whole_;
  for (const std::string& name : files_of_deltas()) ++objects.at(name).at(kPackMagic.size());
  MemoryStore store(objects);
  SUBCASE("needed") {}
  SUBCASE("not needed") { forget(*machine(store), {last_}); }
  expect_refusal(store, ErrorKind::newer_version);
}

}  // namespace
}  // namespace coppice::test
