#include "snapshot/statistics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "snapshot/content_codec.h"
#include "snapshot/memory_metadata.h"
#include "support/memory_store.h"

namespace coppice::test {
namespace {

class Findings final : public FindingSink {
 public:
  void report(const Finding& finding) override { all.push_back(finding); }
  std::vector<Finding> all;
};

Node link(Node node, std::uint64_t inode) {
  node.meta.device = 1;
  node.meta.inode = inode;
  node.meta.links = 2;
  return node;
}

/// A file of that size without anything in it that is stored.
Node hollow(std::string name, std::uint64_t size) {
  return made_file(std::move(name), {{Id{}, size, true}});
}

/// Trees in memory, snapshots of them, and an index made up of literal blocks.
class World {
 public:
  /// In any order.
  Reference tree(std::vector<Node> nodes) {
    std::sort(nodes.begin(), nodes.end(),
              [](const Node& a, const Node& b) { return a.name < b.name; });
    return stored_tree(trees, nodes);
  }

  void snapshot(const std::vector<Node>& nodes) {
    ListedSnapshot& listed = all_.emplace_back();
    listed.number = all_.size();
    listed.id = made_id(0xAA, static_cast<std::uint32_t>(all_.size()));
    listed.record.root = made_root(tree(nodes));
    snapshots.push_back(&listed);
  }

  /// Adds a block of the pack; `chunks` are ids with lengths.
  void block(ChunkClass chunk_class, std::uint32_t sealed, std::vector<ChunkEntry> chunks,
             bool is_delta = false) {
    BlockInfo info;
    info.chunk_class = chunk_class;
    info.encoding = is_delta ? kEncodingZstd | kEncodingDelta : kEncodingZstd;
    info.sealed_length = sealed;
    info.chunks = std::move(chunks);
    for (const ChunkEntry& chunk : info.chunks) info.raw_length += chunk.length;
    if (is_delta) info.bases = {{made_id(1), 0}};
    table_.blocks.push_back(std::move(info));
  }

  /// A block with all metadata chunks so far; returns its raw bytes.
  std::uint32_t metadata_block(std::uint32_t sealed) {
    std::vector<ChunkEntry> chunks;
    for (const auto& [id, bytes] : trees.chunks) {
      chunks.push_back({id, static_cast<std::uint32_t>(bytes.size())});
    }
    block(ChunkClass::metadata, sealed, std::move(chunks));
    return table_.blocks.back().raw_length;
  }

  Index index(PackUse use = PackUse::readable) const {
    IndexRunBuilder builder;
    builder.add(made_id(0x99), 1 << 20, table_);
    Index index;
    index.add(builder.build(), [use](const PackRecord&) { return use; });
    return index;
  }

  RestoreSize restore() { return restore_size({trees, findings}, snapshots); }
  RawData raw() { return raw_data({trees, findings}, index(), snapshots); }

  MemoryMetadata trees;
  std::vector<const ListedSnapshot*> snapshots;
  Findings findings;

 private:
  std::deque<ListedSnapshot> all_;
  PackTable table_;
};

TEST_CASE("each snapshot counts in full, though what they share is read once") {
  World world;
  const Reference inner = world.tree({hollow("a", 10), made_node("pipe", FileType::fifo)});
  const Reference outer = world.tree({made_directory("inner", inner), hollow("b", 100)});
  world.snapshot({made_directory("one", outer), made_directory("two", inner)});
  world.snapshot({hollow("c", 1000), made_directory("one", outer)});
  world.snapshot({});
  const RestoreSize size = world.restore();
  CHECK(size.bytes == (10 + 100 + 10) + (1000 + 10 + 100));
  CHECK(size.entries == (2 + 4 + 2) + (2 + 4));
  CHECK(world.trees.gets == 5);  // three roots, outer, inner
  CHECK(world.findings.all.empty());
}

TEST_CASE("names of one file count once a snapshot, wherever they stand") {
  World world;
  const Reference shared = world.tree({link(hollow("a", 10), 7), hollow("plain", 1)});
  world.snapshot({made_directory("d", shared), link(hollow("also-a", 10), 7)});
  CHECK(world.restore().bytes == 11);
  CHECK(world.restore().entries == 4);

  SUBCASE("once more in the next snapshot, with which it shares a directory") {
    world.snapshot({made_directory("d", shared), link(hollow("z", 30), 8)});
    CHECK(world.restore().bytes == 11 + 11 + 30);
  }
  SUBCASE("not with another inode, nor on another device") {
    Node other = link(hollow("c", 10), 7);
    other.meta.device = 2;
    world.snapshot({link(hollow("b", 10), 9), other, made_directory("d", shared)});
    CHECK(world.restore().bytes == 11 + 10 + 10 + 11);
  }
  SUBCASE("also if a directory with links stands in two places") {
    const Reference twice = world.tree({made_directory("x", shared), made_directory("y", shared)});
    world.snapshot({made_directory("p", twice), made_directory("q", twice)});
    const RestoreSize size = world.restore();
    CHECK(size.bytes == 11 + (10 + 4 * 1));
    CHECK(size.entries == 4 + 2 + 2 * (2 + 2 * 2));
  }
}

TEST_CASE("a directory that cannot be read is a finding, once, and the rest is counted") {
  World world;
  const Reference lost = world.tree({hollow("a", 10)});
  const Reference above = world.tree({hollow("b", 100), made_directory("lost", lost)});
  world.snapshot({made_directory("d", above), hollow("e", 1000)});
  world.snapshot({made_directory("d", above)});
  world.trees.chunks.erase(lost.id);
  CHECK(world.restore().bytes == 1100 + 100);
  REQUIRE(world.findings.all.size() == 1);
  const Finding& finding = world.findings.all.front();
  CHECK(finding.weight == Finding::Weight::damaged);
  CHECK(finding.code == "tree_damaged");
  CHECK(finding.item == world.snapshots.front()->id.short_hex() + ":/d/lost");
}

TEST_CASE("of a directory in parts, those before the broken one count") {
  World world;
  const Id good = world.trees.put(encode_tree_part(std::vector<Node>{hollow("a", 10)}));
  const Id lost = made_id(0x77);
  const Id list = world.trees.put(encode_list(std::vector<Id>{good, lost}));
  world.snapshot({made_directory("d", {1, list})});
  CHECK(world.restore().bytes == 10);
  CHECK(world.findings.all.size() == 1);
}

TEST_CASE("a chunk counts once, with its share of its block") {
  World world;
  const Node first = made_file("a", {{made_id(1), 300, false}, {Id{}, 5000, true}});
  const Node second = made_file("b", {{made_id(1), 300, false}, {made_id(2), 500, false}});
  world.snapshot({first, second});
  world.snapshot({first});
  const std::uint32_t metadata = world.metadata_block(50);
  // A third of the first block belongs to nobody who was chosen, and neither does the second block.
  world.block(ChunkClass::data, 600, {{made_id(1), 300}, {made_id(3), 400}, {made_id(2), 500}});
  world.block(ChunkClass::data, 77, {{made_id(4), 100}});
  const RawData data = world.raw();
  CHECK(data.chunks == 2 + 2);
  CHECK(data.raw_bytes == 800 + metadata);
  CHECK(data.sealed_bytes == 400 + 50);
  CHECK(data.saved_by_deduplication == 300 + 300);  // holes save nothing
  CHECK(data.saved_by_compression == 800 - 400 + metadata - 50);
  CHECK(data.saved_by_deltas == 0);
  CHECK(data.compression_ratio() == doctest::Approx((800.0 + metadata) / 450));
  CHECK(data.compression_space_saving() == doctest::Approx(100 * (1 - 450 / (800.0 + metadata))));
  CHECK(world.findings.all.empty());
}

TEST_CASE("what deltas save is told by how plain blocks compress") {
  World world;
  world.snapshot({made_file("a", {{made_id(2), 900, false}})});
  const std::uint32_t metadata = world.metadata_block(10);
  world.block(ChunkClass::data, 500, {{made_id(1), 1000}});
  std::uint32_t sealed = 30;
  std::uint64_t saved = 450 - 30;
  SUBCASE("small deltas") {}
  SUBCASE("never less than nothing") {
    sealed = 700;
    saved = 0;
  }
  world.block(ChunkClass::data, sealed, {{made_id(2), 900}}, true);
  const RawData data = world.raw();
  CHECK(data.saved_by_deltas == saved);
  CHECK(data.raw_bytes == 900 + metadata);
  CHECK(data.sealed_bytes == sealed + 10);
  CHECK(data.saved_by_compression == metadata - 10);
}

TEST_CASE("a chunk that lies in a plain block too is no delta") {
  World world;
  world.snapshot({made_file("a", {{made_id(2), 900, false}})});
  world.metadata_block(10);
  world.block(ChunkClass::data, 30, {{made_id(2), 900}}, true);
  world.block(ChunkClass::data, 400, {{made_id(2), 900}});
  CHECK(world.raw().sealed_bytes == 410);
  CHECK(world.raw().saved_by_deltas == 0);
}

TEST_CASE("long content is read once, and its lists and parts count") {
  World world;
  const std::vector<ContentExtent> extents = {{made_id(1), 300, false}, {Id{}, 50, true}};
  const Id part = world.trees.put(encode_content_part(extents));
  Node file = made_file("a");
  file.meta.size = 350;
  file.content.reference = Reference{1, world.trees.put(encode_list(std::vector<Id>{part}))};
  world.snapshot({file});
  file.name = "b";
  Node linked = link(file, 7);
  linked.name = "d";
  world.snapshot({file, linked, made_file("c")});
  const std::uint32_t metadata = world.metadata_block(10);
  world.block(ChunkClass::data, 100, {{made_id(1), 300}});
  const RawData data = world.raw();
  CHECK(data.chunks == 2 + 2 + 1);
  CHECK(data.raw_bytes == 300 + metadata);
  CHECK(data.saved_by_deduplication == 2 * 300);
  CHECK(world.trees.gets == 2 + 2 + 1);  // roots; the list for its ids and for its part; the part
}

TEST_CASE("what no pack holds, and content that cannot be read, are findings") {
  World world;
  Node broken = made_file("broken");
  broken.meta.size = 350;
  broken.content.reference = Reference{0, made_id(0x77)};
  world.snapshot({made_file("a", {{made_id(1), 300, false}, {made_id(2), 10, false}}), broken});
  world.metadata_block(10);
  world.block(ChunkClass::data, 100, {{made_id(1), 300}});
  const RawData data = world.raw();
  CHECK(data.chunks == 2);
  REQUIRE(world.findings.all.size() == 2);
  CHECK(world.findings.all[0].code == "content_damaged");
  CHECK(world.findings.all[0].item == world.snapshots[0]->id.short_hex() + ":/broken");
  CHECK(world.findings.all[1].code == "chunks_missing");
  CHECK(world.findings.all[1].item == "2 chunks");  // the part of `broken`, too
}

TEST_CASE("nothing comes to nothing") {
  World world;
  CHECK(world.restore().entries == 0);
  const RawData data = raw_data({world.trees, world.findings}, Index(), {});
  CHECK(data.chunks == 0);
  CHECK(data.compression_ratio() == 1);
  CHECK(data.compression_space_saving() == 0);
  CHECK(growth({}).empty());
}

TEST_CASE("a wish to stop is heard") {
  World world;
  world.snapshot({});
  StopFlag stop;
  stop.request(15);
  CHECK(kind_of_error([&] {
          restore_size({world.trees, world.findings, &stop}, world.snapshots);
        }) == ErrorKind::interrupted);
}

TEST_CASE("the whole repository: packs, what protects files, and blocks of packs that count") {
  World world;
  world.block(ChunkClass::data, 100, {{made_id(1), 300}, {made_id(2), 300}});
  world.block(ChunkClass::data, 100, {{made_id(3), 300}}, true);
  const std::string name = made_id(0x12).hex();
  MemoryStore store({{"header", Bytes(1)},
                     {"header.copy", Bytes(2)},
                     {"index/12/" + name, Bytes(4)},
                     {"index/12/" + name + ".copy", Bytes(8)},
                     {"packs/12/" + name, Bytes(16)},
                     {"packs/12/" + name + ".par", Bytes(32)},
                     {"packs/12/stranger", Bytes(64)},
                     {"packs/13/" + made_id(0x13).hex(), Bytes(128)}});
  const RepositoryFacts facts = repository_facts(store, world.index());
  CHECK(facts.packs == 2);
  CHECK(facts.pack_bytes == 16 + 128);
  CHECK(facts.side_file_bytes == 2 + 8 + 32);
  CHECK(facts.plain_blocks == 1);
  CHECK(facts.delta_blocks == 1);
  CHECK(repository_facts(store, world.index(PackUse::absent)).plain_blocks == 0);
}

TEST_CASE("growth sums up what summaries say") {
  std::vector<ListedSnapshot> listed(3);
  std::vector<const ListedSnapshot*> snapshots;
  for (ListedSnapshot& snapshot : listed) {
    snapshot.record.summary.data_added_packed = 10 + snapshots.size();
    snapshots.push_back(&snapshot);
  }
  const std::vector<GrowthStep> steps = growth(snapshots);
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].packed_so_far == 10);
  CHECK(steps[2].packed_so_far == 10 + 11 + 12);
  CHECK(steps[2].snapshot == &listed[2]);
}

}  // namespace
}  // namespace coppice::test
