#include <doctest/doctest.h>

#include "repair_world.h"
#include "repo/chunk_reader.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"

using namespace coppice;
using namespace coppice::test;

namespace {

RepairRun repair_index_of(const Objects& objects, bool is_dry_run = false) {
  return run_repair(objects, is_dry_run,
                    [](Store& store, ThreadPool&, const RepairOptions& options, RepairRun& run) {
                      const auto repository = open_with_key(store);
                      run.result = repair_index(*repository, options, run.findings);
                    });
}

RepairRun repair_log_of(const Objects& objects, bool is_dry_run = false) {
  return run_repair(objects, is_dry_run,
                    [](Store& store, ThreadPool&, const RepairOptions& options, RepairRun& run) {
                      const auto repository = open_with_key(store);
                      run.result = repair_log(*repository, options, run.findings);
                    });
}

/// Packs with their marks, then snapshots, as `repair packs` with a key and `repair snapshots` do.
RepairRun repair_all(const Objects& objects, std::vector<RepairedSnapshot>& repaired,
                     bool is_dry_run = false) {
  return run_repair(
      objects, is_dry_run,
      [&](Store& store, ThreadPool& pool, const RepairOptions& options, RepairRun& run) {
        FindingList of_packs;
        run.result = repair_packs(store, nullptr, pool, options, of_packs);
        const auto repository = open_with_key(store);
        mark_lost_packs(*repository, options, run.result, of_packs);
        run.result =
            repair_snapshots(*repository, pool, options, "coppice test", repaired, run.findings);
      });
}

/// Every path below a tree.
void list_paths(MetadataSource& trees, const Reference& tree, const std::string& path,
                std::vector<std::string>& paths) {
  TreeCursor nodes(trees, tree);
  while (Node* node = nodes.next()) {
    const std::string child = path + "/" + node->name;
    paths.push_back(child);
    if (node->subtree) list_paths(trees, *node->subtree, child, paths);
  }
}

struct Seen {
  SnapshotRecord record;
  std::vector<std::string> paths;
};

std::vector<Seen> snapshots_in(const Objects& objects) {
  MemoryStore store(objects);
  const auto repository = open_with_key(store);
  FindingList dropped;
  const LoadedIndex loaded = repository->load_index({}, dropped);
  BlockSource blocks(store, loaded.index, repository->secrets());
  ChunkReader chunks(blocks, repository->keyring());
  StoredMetadata trees(chunks);
  std::vector<Seen> all;
  for (const LoggedSnapshot* logged : repository->state().visible_snapshots()) {
    Seen seen{decode_snapshot(logged->record), {}};
    try {
      list_paths(trees, *seen.record.root.subtree, "", seen.paths);
    } catch (const Error&) {
      seen.paths.push_back("damaged");
    }
    all.push_back(std::move(seen));
  }
  return all;
}

void lose_pack_of(RepositoryFixture& fixture, Objects& objects, std::string_view content) {
  FindingList dropped;
  const LoadedIndex loaded = fixture.repository().load_index({}, dropped);
  for (const ChunkPlace& place : loaded.index.find(fixture.chunk_id(content))) {
    objects.erase(pack_name(place.pack_record().name));
    objects.erase(copy_name(pack_name(place.pack_record().name)));
  }
}

/// Beyond repair, but there and of its right size.
void spoil_block_of(RepositoryFixture& fixture, Objects& objects, std::string_view content) {
  FindingList dropped;
  const LoadedIndex loaded = fixture.repository().load_index({}, dropped);
  for (const ChunkPlace& place : loaded.index.find(fixture.chunk_id(content))) {
    const std::string name = pack_name(place.pack_record().name);
    for (const std::string& each : {name, copy_name(name)})
      flip_at(objects.at(each), place.block_record().offset + 7);
  }
}

}  // namespace

TEST_CASE(
    "index objects that nobody can read are made anew from the packs, and then nothing is left to "
    "do") {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", "first")});
  fixture.store_tree({file("b", "second")});
  add_index_object(fixture.repository());
  const Objects intact = objects_of(fixture.repository().store());
  CHECK(repair_index_of(intact).exit() == 0);
  CHECK(repair_index_of(intact).objects == intact);
  Objects objects = intact;
  const std::string index = names_of(intact, "index/").front();
  SUBCASE("missing") {
    objects.erase(index);
    objects.erase(copy_name(index));
  }
  SUBCASE("damaged in both copies") {
    flip_at(objects.at(index), 200);
    flip_at(objects.at(copy_name(index)), 300);
  }
  const RepairRun dry = repair_index_of(objects, true);
  CHECK(dry.exit() == 14);
  CHECK(dry.plan.size() == 1);
  CHECK(dry.objects == objects);
  const RepairRun run = repair_index_of(objects);
  CHECK_MESSAGE(run.exit() == 14, run.findings.text());
  CHECK(names_of(run.objects, "index/").size() >= 1);
  CHECK(repair_index_of(run.objects).exit() == 0);
  CHECK(repair_keyless(run.objects).exit() == 0);
  MemoryStore store(run.objects);
  const auto repository = open_with_key(store);
  CHECK(repository->state().index_names.size() == 1);
  CHECK(snapshots_in(run.objects).size() == 2);
}

TEST_CASE("the table of a pack that cannot be read is carried over from the old index object") {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", "first")});
  fixture.store_tree({file("b", "second")});
  add_index_object(fixture.repository());
  fixture.store_tree({file("c", "third")});
  add_index_object(fixture.repository());  // has all; the first one is to be lost
  Objects objects = objects_of(fixture.repository().store());
  lose_pack_of(fixture, objects, "first");
  const auto indexes = names_of(objects, "index/");
  REQUIRE(indexes.size() == 2);
  const std::string& lost =
      objects.at(indexes[0]).size() < objects.at(indexes[1]).size() ? indexes[0] : indexes[1];
  objects.erase(lost);
  objects.erase(copy_name(lost));
  const RepairRun run = repair_index_of(objects);
  INFO(run.findings.text());
  CHECK(run.result.healed == 1);
  MemoryStore store(run.objects);
  const auto repository = open_with_key(store);
  FindingList dropped;
  const LoadedIndex loaded = repository->load_index({}, dropped);
  // Either object alone had it; which one was lost is chance.
  CHECK(loaded.index.find(fixture.chunk_id("second")).size() == 1);
}

TEST_CASE("new snapshots are made without what is lost, the old ones stay, each path is named") {
  RepositoryFixture fixture;
  fixture.store_tree({file("common", "common content")});
  fixture.store_tree(
      {directory("d", {file("kept", "kept content"), file("common", "common content")}),
       file("e", "e content")});
  fixture.store_tree({file("other", "other content")});
  const Objects intact = objects_of(fixture.repository().store());
  Objects objects = intact;
  std::vector<RepairedSnapshot> repaired;
  CHECK(repair_all(intact, repaired).exit() == 0);
  CHECK(repaired.empty());
  spoil_block_of(fixture, objects, "common content");
  std::vector<RepairedSnapshot> none;
  const RepairRun dry = repair_all(objects, none, true);
  CHECK(dry.objects == objects);
  CHECK(none.empty());
  const RepairRun run = repair_all(objects, repaired);
  INFO(run.findings.text());
  CHECK(run.exit() == 13);
  REQUIRE(repaired.size() == 2);
  CHECK(run.findings.has("content_lost", repaired[0].old_id.short_hex() + ":/common"));
  CHECK(run.findings.has("content_lost", repaired[1].old_id.short_hex() + ":/d/common"));
  CHECK(run.findings.count(Finding::Weight::damaged) == 2);
  const std::vector<Seen> seen = snapshots_in(run.objects);
  REQUIRE(seen.size() == 5);
  CHECK(seen[3].paths.empty());
  CHECK(seen[4].paths == std::vector<std::string>{"/d", "/d/kept", "/e"});
  CHECK(seen[4].record.parent == repaired[1].old_id);
  CHECK(seen[4].record.is_time_given);
  CHECK(seen[4].record.is_incomplete);
  CHECK(seen[4].record.host == "host");
  // All files of before are there, and a second run has nothing to do.
  for (const auto& [name, bytes] : objects) CHECK(run.objects.at(name) == bytes);
  std::vector<RepairedSnapshot> again;
  const RepairRun second = repair_all(run.objects, again);
  CHECK_MESSAGE(second.exit() == 0, second.findings.text());
  CHECK(again.empty());
  CHECK(second.findings.has("repaired_before", "snapshot " + repaired[0].old_id.short_hex()));
  CHECK(second.objects == run.objects);
}

TEST_CASE("what was in a missing pack is lost, trees too") {
  RepositoryFixture fixture;
  fixture.store_tree({directory("d", {file("x", "x content")})});
  fixture.store_tree({file("other", "other content")});
  Objects objects = objects_of(fixture.repository().store());
  lose_pack_of(fixture, objects, "x content");
  std::vector<RepairedSnapshot> repaired;
  const RepairRun run = repair_all(objects, repaired);
  INFO(run.findings.text());
  REQUIRE(repaired.size() == 1);
  CHECK(run.findings.has("content_lost", repaired[0].old_id.short_hex() + ":/"));
  CHECK(snapshots_in(run.objects).back().paths.empty());
}

TEST_CASE(
    "lost chunks are marked once, count as not stored, and the mark is lifted when the pack is "
    "whole again") {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", "lost content"), file("b", noise(5000, 3))});
  const Objects intact = objects_of(fixture.repository().store());
  Objects objects = intact;
  spoil_block_of(fixture, objects, "lost content");
  const auto mark = [](const Objects& all) {
    return run_repair(
        all, false,
        [](Store& store, ThreadPool& pool, const RepairOptions& options, RepairRun& run) {
          run.result = repair_packs(store, nullptr, pool, options, run.findings);
          const auto repository = open_with_key(store);
          mark_lost_packs(*repository, options, run.result, run.findings);
          report_lost_packs(run.result, false, run.findings);
        });
  };
  const RepairRun run = mark(objects);
  CHECK(run.exit() == 13);
  CHECK(run.objects.size() == objects.size() + 2);
  const RepairRun again = mark(run.objects);
  CHECK(again.objects == run.objects);
  {
    MemoryStore store(run.objects);
    const auto repository = open_with_key(store);
    REQUIRE(repository->state().damaged.size() == 1);
    FindingList dropped;
    const LoadedIndex loaded = repository->load_index({true, ""}, dropped);
    CHECK_FALSE(loaded.index.is_stored(fixture.chunk_id("lost content")));
  }
  Objects healed = run.objects;
  for (const auto& [name, bytes] : intact) healed[name] = bytes;
  const RepairRun lifted = mark(healed);
  CHECK_MESSAGE(lifted.exit() == 0, lifted.findings.text());
  MemoryStore store(lifted.objects);
  const auto repository = open_with_key(store);
  CHECK(repository->state().damaged.empty());
  FindingList dropped;
  CHECK(repository->load_index({true, ""}, dropped)
            .index.is_stored(fixture.chunk_id("lost content")));
  CHECK(mark(lifted.objects).objects == lifted.objects);
}

TEST_CASE("a lost log entry stops collection until an owner declares it void") {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", "first")});
  fixture.store_tree({file("b", "second")});
  fixture.store_tree({file("c", "third")});
  const Objects intact = objects_of(fixture.repository().store());
  CHECK(repair_log_of(intact).exit() == 0);
  Objects objects = intact;
  const auto entries = names_of(intact, "log/");
  const std::string& lost = entries[entries.size() - 2];
  objects.erase(lost);
  objects.erase(copy_name(lost));
  {
    MemoryStore store(objects);
    CHECK(open_with_key(store)->state().collection_is_stopped());
  }
  CHECK(repair_log_of(objects, true).objects == objects);
  const RepairRun run = repair_log_of(objects);
  CHECK(run.exit() == 14);
  MemoryStore store(run.objects);
  const auto repository = open_with_key(store);
  CHECK_FALSE(repository->state().collection_is_stopped());
  CHECK(repository->state().visible_snapshots().size() == 2);
  CHECK(repair_log_of(run.objects).exit() == 0);
}
