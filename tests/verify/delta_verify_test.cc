// Goal: a delta is as bad as the plain blocks that it hangs on, and verify says so by the names of
// the files of every snapshot that is hurt.
#include <doctest/doctest.h>

#include <algorithm>

#include "pack/object_prefix.h"
#include "repo/chunk_writer.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/tree_writer.h"
#include "verify_world.h"

namespace coppice::test {
namespace {

constexpr std::size_t kChunk = 20'000;

/// A file whose chunks are the next version of those of `older`, one by one.
struct NextVersion {
  std::string name;
  std::string bytes;
  std::string older;
};

/// Stores trees with hints, as a backup does.
class HintedWriter final : public MetadataSink {
 public:
  HintedWriter(ChunkWriter& chunks, const Keyring& keyring, std::optional<Reference> old_tree)
      : chunks_(chunks), keyring_(keyring), old_tree_(old_tree) {}

  Id put(ByteView encoded) override {
    std::vector<BaseHint> hints;
    if (old_tree_) hints.push_back({old_tree_->id, 0});
    const Id id = keyring_.identity(ChunkClass::metadata).id(encoded);
    chunks_.put(ChunkClass::metadata, id, encoded, hints);
    return id;
  }

  Reference write(const std::vector<NextVersion>& files) {
    TreeWriter tree(*this);
    for (const NextVersion& version : files) {
      Node node = file(version.name, "").node;
      ContentWriter content(*this);
      for (std::size_t at = 0; at < version.bytes.size(); at += kChunk) {
        const std::string chunk = version.bytes.substr(at, kChunk);
        std::vector<BaseHint> hints;
        if (at < version.older.size())
          hints.push_back({data_id(version.older.substr(at, kChunk)), 0});
        chunks_.put(ChunkClass::data, data_id(chunk), as_bytes(chunk), hints);
        content.add_chunk(data_id(chunk), chunk.size());
      }
      node.meta.size = content.size();
      node.content = content.finish();
      tree.add(node);
    }
    return tree.finish();
  }

 private:
  Id data_id(const std::string& bytes) const {
    return keyring_.identity(ChunkClass::data).id(as_bytes(bytes));
  }

  ChunkWriter& chunks_;
  const Keyring& keyring_;
  std::optional<Reference> old_tree_;
};

/// Appends a snapshot of these files, whose tree is made against `old_tree` if there is one.
Reference store_next(RepositoryFixture& fixture, const std::vector<NextVersion>& files,
                     std::optional<Reference> old_tree = std::nullopt) {
  Repository& repository = fixture.repository();
  const Keyring& keyring = repository.keyring();
  FindingList findings;
  const LoadedIndex loaded = repository.load_index({true, ""}, findings);
  BlockSource bases(repository.store(), loaded.index, repository.secrets());
  ChunkWriterOptions options;
  options.parity = repository.parity();
  options.bases = &bases;
  const Timestamp now{1'600'000'000, 0};
  ChunkWriter writer(repository.store(), fixture.pool(), keyring, loaded.index,
                     repository.begin_session(system_random(), "host", now), options);
  const Reference root = HintedWriter(writer, keyring, old_tree).write(files);
  fixture.publish(writer, root);
  return root;
}

/// One byte of each chunk is another.
std::string edited(std::string bytes) {
  for (std::size_t at = 7; at < bytes.size(); at += kChunk) ++bytes[at];
  return bytes;
}

std::size_t count_deltas(RepositoryFixture& fixture, ChunkClass chunk_class) {
  FindingList findings;
  const LoadedIndex loaded = fixture.repository().load_index({}, findings);
  std::size_t count = 0;
  for (const IndexRun& run : loaded.index.runs()) {
    for (const BlockRecord& block : run.blocks()) {
      const bool is_delta = (block.encoding & kEncodingDelta) != 0;
      if (is_delta && static_cast<ChunkClass>(block.chunk_class) == chunk_class) ++count;
    }
  }
  return count;
}

/// "1:/path" for a path of the first snapshot, "2:/path" of the second, in order.
std::vector<std::string> hurt(RepositoryFixture& fixture, const Outcome& outcome,
                              std::string_view code) {
  const auto snapshots = fixture.repository().state().visible_snapshots();
  std::vector<std::string> found;
  for (const Finding& finding : outcome.findings.all) {
    if (finding.code != code) continue;
    std::string text = finding.item;
    for (std::size_t i = 0; i < snapshots.size(); ++i) {
      const std::string id = snapshots[i]->id.short_hex();
      if (text.starts_with(id)) text = std::to_string(i + 1) + text.substr(id.size());
    }
    found.push_back(text);
  }
  return found;
}

using Paths = std::vector<std::string>;

/// Two versions of "f", the second a delta against the first, and one file beside each.
struct TwoVersions {
  RepositoryFixture fixture{kChunk};
  std::string before = noise(3 * kChunk, 1);
  std::string after = edited(before);

  TwoVersions() {
    store_next(fixture, {{"alone", noise(kChunk, 2), ""}});
    store_next(fixture, {{"alone", noise(kChunk, 2), ""}, {"f", before, ""}});
    store_next(
        fixture,
        {{"alone", noise(kChunk, 2), ""}, {"f", after, before}, {"new", noise(kChunk, 3), ""}});
    REQUIRE(count_deltas(fixture, ChunkClass::data) == 1);
  }
};

}  // namespace

TEST_CASE("a repository with deltas verifies without a finding, every chunk of it proved") {
  TwoVersions world;
  for (const unsigned threads : {1U, 4U}) {
    const Objects objects = objects_of(world.fixture.repository().store());
    CHECK(keyless(objects, {}, threads).findings.all.empty());
    CHECK(keyed(objects, {}, threads).findings.all.empty());
    const Outcome data = keyed(objects, reading_data(), threads);
    CHECK_MESSAGE(data.findings.all.empty(), data.findings.text());
    // Chunks: alone, f's three, f's next three, new; three trees.
    CHECK(data.result.chunks == 1 + 3 + 3 + 1 + 3);
    CHECK(data.result.blocks == 1 + 1 + 2 + 3);
  }
}

TEST_CASE("a damaged base block hurts the files of both snapshots that hang on it, and no others") {
  TwoVersions world;
  world.fixture.damage_chunk(world.before.substr(kChunk, kChunk));
  const Outcome outcome = verified(world.fixture, reading_data());
  CHECK(world.fixture.faults().damage_hits() > 0);
  CHECK(outcome.exit() == 13);
  INFO(outcome.findings.text());
  CHECK(hurt(world.fixture, outcome, "content_damaged") == Paths{"2:/f", "3:/f"});
  CHECK(hurt(world.fixture, outcome, "tree_damaged").empty());
  // Structure knows of data only where it lies.
  CHECK(verified(world.fixture, {}).exit() == 0);
}

TEST_CASE("a damaged delta hurts the version that it holds, not the one that it is made of") {
  TwoVersions world;
  world.fixture.damage_chunk(world.after.substr(0, kChunk));
  const Outcome outcome = verified(world.fixture, reading_data());
  CHECK(world.fixture.faults().damage_hits() > 0);
  CHECK(outcome.exit() == 13);
  INFO(outcome.findings.text());
  CHECK(hurt(world.fixture, outcome, "content_damaged") == Paths{"3:/f"});
}

TEST_CASE("a lost base is found by structure alone, in the delta's snapshot too") {
  TwoVersions world;
  world.fixture.lose_chunk(world.before.substr(0, kChunk));
  for (const VerifyOptions& options : {VerifyOptions(), reading_data()}) {
    const Outcome outcome = verified(world.fixture, options);
    CHECK(outcome.exit() == 13);
    INFO(outcome.findings.text());
    CHECK(hurt(world.fixture, outcome, "content_damaged") == Paths{"3:/f"});
    // The second snapshot's tree lay in the lost pack.
    CHECK(hurt(world.fixture, outcome, "tree_damaged") == Paths{"2:/"});
  }
}

TEST_CASE("a base that is damaged in one of two packs hurts nobody") {
  RepositoryFixture fixture(kChunk);
  const std::string before = noise(2 * kChunk, 1);
  fixture.store_tree({file("f", before)});
  fixture.store_tree_again({file("f", before)});
  store_next(fixture, {{"f", edited(before), before}});
  REQUIRE(count_deltas(fixture, ChunkClass::data) == 1);
  fixture.damage_chunk(before.substr(0, kChunk), 1);
  const Outcome outcome = verified(fixture, reading_data());
  CHECK(fixture.faults().damage_hits() > 0);
  CHECK(hurt(fixture, outcome, "content_damaged").empty());
  CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
}

TEST_CASE("a base whose second copy is intact is healable, and so is what hangs on it") {
  TwoVersions world;
  Objects objects = objects_of(world.fixture.repository().store());
  for (const std::string& pack : names_of(objects, "packs/")) {
    CAPTURE(pack);
    Objects damaged = objects;
    damaged.at(pack)[kObjectPrefixBytes + 5] ^= 1;
    const Outcome outcome = keyed(damaged, reading_data());
    CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
    CHECK(outcome.findings.has("pack_damaged", pack));
    CHECK(hurt(world.fixture, outcome, "content_damaged").empty());
  }
}

TEST_CASE("only the delta's snapshot: the packs of its bases are read as well") {
  TwoVersions world;
  const auto snapshots = world.fixture.repository().state().visible_snapshots();
  VerifyOptions options = reading_data();
  options.only_snapshot = snapshots[2]->id;
  const Outcome intact = verified(world.fixture, options);
  CHECK_MESSAGE(intact.findings.all.empty(), intact.findings.text());
  world.fixture.damage_chunk(world.before.substr(0, kChunk));
  const Outcome outcome = verified(world.fixture, options);
  CHECK(outcome.exit() == 13);
  CHECK(hurt(world.fixture, outcome, "content_damaged") == Paths{"3:/f"});
  options.only_snapshot = snapshots[0]->id;
  CHECK(verified(world.fixture, options).exit() == 0);
}

namespace {

/// Many files, whose tree is long enough to be a delta of the one before.
std::vector<NextVersion> crowd(const std::string& last) {
  std::vector<NextVersion> files;
  for (int i = 100; i < 200; ++i) {
    const std::string number = std::to_string(i);
    files.push_back({"f" + number, "content " + number, ""});
  }
  files.push_back({"large", noise(1'300'000, 1), ""});
  files.push_back({"z", last, ""});
  return files;
}

/// The second tree is a delta of the first, which lies in a pack with parity.
struct TwoTrees {
  RepositoryFixture fixture{kChunk, ParityGeometry{}};
  Reference first;

  TwoTrees() {
    first = store_next(fixture, crowd("one"));
    store_next(fixture, crowd("two"), first);
    REQUIRE(count_deltas(fixture, ChunkClass::metadata) == 1);
  }

  /// The objects with the block flipped in which the first tree lies; its pack's name.
  std::pair<Objects, std::string> damaged() {
    FindingList findings;
    const LoadedIndex loaded = fixture.repository().load_index({}, findings);
    const auto place = loaded.index.find_first(first.id);
    REQUIRE(place);
    REQUIRE_FALSE(place->is_delta());
    const std::string pack = pack_name(place->pack_record().name);
    Objects objects = objects_of(fixture.repository().store());
    REQUIRE(objects.contains(parity_name(pack)));
    objects.at(pack).at(static_cast<std::size_t>(place->block_record().offset) + 5) ^= 1;
    return {objects, pack};
  }
};

}  // namespace

TEST_CASE("a tree that is a base and is healed by parity is read, and its pack told of") {
  TwoTrees world;
  const auto damaged = world.damaged();
  for (const VerifyOptions& options : {VerifyOptions(), reading_data()}) {
    const Outcome outcome = keyed(damaged.first, options);
    CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
    CHECK(outcome.findings.has("pack_damaged", damaged.second));
    CHECK(hurt(world.fixture, outcome, "tree_damaged").empty());
  }
}

TEST_CASE("so is a tree whose base is healed if only its own snapshot is verified") {
  TwoTrees world;
  const auto damaged = world.damaged();
  for (const VerifyOptions& each : {VerifyOptions(), reading_data()}) {
    VerifyOptions options = each;
    options.only_snapshot = world.fixture.repository().state().visible_snapshots()[1]->id;
    const Outcome outcome = keyed(damaged.first, options);
    CAPTURE(options.read_data);
    CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
    CHECK(outcome.findings.has("pack_damaged", damaged.second));
    CHECK(hurt(world.fixture, outcome, "tree_damaged").empty());
  }
}

}  // namespace coppice::test
