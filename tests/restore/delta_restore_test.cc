// Goal: every version restores byte for byte, and damage to a base loses what needs it, says so,
// and never lets a wrong byte through.
#include <fcntl.h>

#include <algorithm>

#include "fs/fd.h"
#include "pack/object_prefix.h"
#include "repo/block_source.h"
#include "repo/chunk_writer.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "restore/dump.h"
#include "restore_kit.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/tree_writer.h"

namespace coppice::test {
namespace {

constexpr std::size_t kChunk = 20'000;

/// A file whose chunks are the next version of those of `older`, one by one.
struct NewerFile {
  std::string name;
  std::string bytes;
  std::string older;
};

/// Writes one directory with hints to older chunks, as a backup does.
class NewerFilesWriter final : public MetadataSink {
 public:
  NewerFilesWriter(ChunkWriter& chunks, const Keyring& keyring)
      : chunks_(chunks), keyring_(keyring) {}

  Id put(ByteView encoded) override { return put_as(ChunkClass::metadata, encoded, {}); }

  Reference write(const std::vector<NewerFile>& files) {
    TreeWriter tree(*this);
    for (const NewerFile& newer : files) {
      Node node = file(newer.name, "").node;
      ContentWriter content(*this);
      for (std::size_t at = 0; at < newer.bytes.size(); at += kChunk) {
        const std::string chunk = newer.bytes.substr(at, kChunk);
        std::vector<BaseHint> hints;
        if (at < newer.older.size()) {
          const std::string older = newer.older.substr(at, kChunk);
          hints.push_back({keyring_.identity(ChunkClass::data).id(as_bytes(older)), 0});
        }
        content.add_chunk(put_as(ChunkClass::data, as_bytes(chunk), hints), chunk.size());
      }
      node.meta.size = content.size();
      node.content = content.finish();
      tree.add(node);
    }
    return tree.finish();
  }

 private:
  Id put_as(ChunkClass chunk_class, ByteView bytes, const std::vector<BaseHint>& hints) {
    const Id id = keyring_.identity(chunk_class).id(bytes);
    chunks_.put(chunk_class, id, bytes, hints);
    return id;
  }

  ChunkWriter& chunks_;
  const Keyring& keyring_;
};

Session begin_session(RepositoryFixture& fixture) {
  return fixture.repository().begin_session(system_random(), "host", {1'600'000'000, 0});
}

/// Stores these files in packs of their own; returns their tree.
Reference store_newer(RepositoryFixture& fixture, const std::vector<NewerFile>& files) {
  Repository& repository = fixture.repository();
  FindingList findings;
  const LoadedIndex loaded = repository.load_index({true, ""}, findings);
  BlockSource bases(repository.store(), loaded.index, repository.secrets());
  ChunkWriterOptions options;
  options.bases = &bases;
  ChunkWriter writer(repository.store(), fixture.pool(), repository.keyring(), loaded.index,
                     begin_session(fixture), options);
  const Reference root = NewerFilesWriter(writer, repository.keyring()).write(files);
  fixture.publish(writer, root);
  return root;
}

/// Stores a pack that says of the ids of these chunks that other bytes are theirs, as any slot can
/// that may add snapshots.
void store_lie(RepositoryFixture& fixture, const std::string& truth, const std::string& lies) {
  Repository& repository = fixture.repository();
  const Index nothing;
  ChunkWriter writer(repository.store(), fixture.pool(), repository.keyring(), nothing,
                     begin_session(fixture), {});
  for (std::size_t at = 0; at < truth.size(); at += kChunk) {
    const std::string lie = lies.substr(at, kChunk);
    writer.put(ChunkClass::data, fixture.chunk_id(truth.substr(at, kChunk)), as_bytes(lie));
  }
  fixture.publish(writer, NewerFilesWriter(writer, repository.keyring()).write({}));
}

/// One byte of each chunk is another.
std::string edited(std::string bytes, std::size_t first = 7) {
  for (std::size_t at = first; at < bytes.size(); at += kChunk) ++bytes[at];
  return bytes;
}

std::size_t count_delta_blocks(RepositoryFixture& fixture) {
  FindingList findings;
  const LoadedIndex loaded = fixture.repository().load_index({}, findings);
  std::size_t count = 0;
  for (const IndexRun& run : loaded.index.runs()) {
    for (const BlockRecord& block : run.blocks())
      count += (block.encoding & kEncodingDelta) != 0 ? 1 : 0;
  }
  return count;
}

/// A file in two versions, the second a delta of the first.
struct TwoStates {
  RepositoryFixture fixture{kChunk};
  std::string before = noise(3 * kChunk, 1);
  std::string after = edited(before);
  Reference first = store_newer(fixture, {{"alone", noise(kChunk, 2), ""}, {"f", before, ""}});
  Reference second = store_newer(fixture, {{"f", after, before}, {"new", noise(kChunk, 3), ""}});
  ScratchDir scratch;

  TwoStates() { REQUIRE(count_delta_blocks(fixture) == 1); }

  RestoreRun restore(const Reference& root, const std::string& name) {
    return run_restore(fixture, root, into(scratch / name));
  }
};

}  // namespace

TEST_CASE("both versions of a file restore byte for byte, with one worker and with several") {
  TwoStates world;
  for (const unsigned workers : {1U, 4U}) {
    ThreadPool pool(workers);
    const std::string name = std::to_string(workers);
    for (const Reference& root : {world.first, world.second}) {
      FindingList findings;
      RestoreOptions options = into(world.scratch / (name + (root == world.first ? "a" : "b")));
      options.no_space_check = true;
      options.verify = true;
      restore_snapshot(world.fixture.repository(), pool, made_root(root), options, findings);
      CHECK_MESSAGE(findings.all.empty(), findings.text());
    }
    CHECK(read_text(world.scratch / (name + "a/f")) == world.before);
    CHECK(read_text(world.scratch / (name + "b/f")) == world.after);
    CHECK(read_text(world.scratch / (name + "b/new")) == noise(kChunk, 3));
  }
}

TEST_CASE("a version restored over another one becomes what it was, in either direction") {
  TwoStates world;
  RestoreOptions options = into(world.scratch / "t");
  options.overwrite = Overwrite::always;
  for (const bool is_first : {true, false, true}) {
    const RestoreRun run =
        run_restore(world.fixture, is_first ? world.first : world.second, options);
    CHECK_MESSAGE(run.findings.all.empty(), run.findings.text());
    CHECK(read_text(world.scratch / "t/f") == (is_first ? world.before : world.after));
  }
}

TEST_CASE("ten versions over the same plain blocks restore, each as it was") {
  RepositoryFixture fixture(kChunk);
  std::vector<std::string> contents{noise(2 * kChunk, 1)};
  std::vector<Reference> roots{store_newer(fixture, {{"f", contents.front(), ""}})};
  for (std::size_t i = 1; i < 10; ++i) {
    contents.push_back(edited(contents.back(), 100 * i));
    roots.push_back(store_newer(fixture, {{"f", contents[i], contents[i - 1]}}));
  }
  REQUIRE(count_delta_blocks(fixture) == 9);
  ScratchDir scratch;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    CAPTURE(i);
    const std::string name = std::to_string(i);
    const RestoreRun run = run_restore(fixture, roots[i], into(scratch / name));
    CHECK(run.findings.all.empty());
    CHECK(read_text(scratch / (name + "/f")) == contents[i]);
  }
}

TEST_CASE("a damaged base loses the files that need it in either snapshot, and no wrong byte") {
  TwoStates world;
  world.fixture.damage_chunk(world.before.substr(kChunk, kChunk));
  const RestoreRun first = world.restore(world.first, "a");
  const RestoreRun second = world.restore(world.second, "b");
  CHECK(world.fixture.faults().damage_hits() > 0);
  INFO(first.findings.text(), second.findings.text());
  CHECK(first.findings.has("content_damaged", "/alone"));  // lies in the same block
  CHECK(first.findings.has("content_damaged", "/f"));
  CHECK(second.findings.has("content_damaged", "/f"));
  CHECK(second.findings.count(Finding::Weight::damaged) == 1);
  CHECK_FALSE(exists(world.scratch / "a/f"));
  CHECK_FALSE(exists(world.scratch / "b/f"));
  CHECK(read_text(world.scratch / "b/new") == noise(kChunk, 3));
}

TEST_CASE("a damaged delta loses its own version only") {
  TwoStates world;
  world.fixture.damage_chunk(world.after.substr(0, kChunk));
  const RestoreRun first = world.restore(world.first, "a");
  const RestoreRun second = world.restore(world.second, "b");
  CHECK(first.findings.all.empty());
  CHECK(read_text(world.scratch / "a/f") == world.before);
  CHECK(second.findings.has("content_damaged", "/f"));
  CHECK_FALSE(exists(world.scratch / "b/f"));
  CHECK(read_text(world.scratch / "b/new") == noise(kChunk, 3));
}

TEST_CASE("a base in a lost pack loses what needs it and leaves the rest") {
  TwoStates world;
  world.fixture.lose_chunk(world.before.substr(0, kChunk));
  const RestoreRun second = world.restore(world.second, "b");
  INFO(second.findings.text());
  CHECK(second.findings.has("content_damaged", "/f"));
  CHECK_FALSE(exists(world.scratch / "b/f"));
  CHECK(read_text(world.scratch / "b/new") == noise(kChunk, 3));
}

TEST_CASE("of a file with some chunks in a lost delta the others are kept under another name") {
  RepositoryFixture fixture(kChunk);
  const std::string before = noise(4 * kChunk, 1);
  std::string after = before;
  ++after[5];
  store_newer(fixture, {{"f", before, ""}});
  const Reference second = store_newer(fixture, {{"f", after, before}});
  REQUIRE(count_delta_blocks(fixture) == 1);
  fixture.damage_chunk(after.substr(0, kChunk));
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, second, into(scratch / "t"));
  CHECK(run.findings.has("content_damaged", "/f"));
  CHECK(run.findings.has("incomplete_kept", "/f"));
  const std::string kept = read_text(scratch / "t/f.incomplete");
  CHECK(kept == std::string(kChunk, '\0') + before.substr(kChunk));
}

TEST_CASE("a base that is damaged in its pack and whole in its second copy serves, and is told") {
  TwoStates world;

  for (const ObjectInfo& object : world.fixture.faults().list("packs/")) {
    if (!object.name.ends_with(".copy"))
      world.fixture.faults().flip_byte(object.name, kObjectPrefixBytes + 5);
  }
  const RestoreRun second = world.restore(world.second, "b");
  INFO(second.findings.text());
  CHECK(world.fixture.faults().damage_hits() > 0);
  CHECK(read_text(world.scratch / "b/f") == world.after);
  CHECK(second.findings.has("healed", "repository"));
  CHECK(second.findings.count(Finding::Weight::damaged) == 0);
}

TEST_CASE("where a base is damaged in one pack, the other one that has it serves its deltas") {
  RepositoryFixture fixture(kChunk);
  const std::string before = noise(2 * kChunk, 1);
  fixture.store_tree({file("f", before)});
  fixture.store_tree_again({file("f", before)});
  const Reference second = store_newer(fixture, {{"f", edited(before), before}});
  REQUIRE(count_delta_blocks(fixture) == 1);
  fixture.damage_chunk(before.substr(0, kChunk), 1);  // the place that is tried first
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, second, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(fixture.faults().damage_hits() > 0);
  CHECK(run.findings.count(Finding::Weight::damaged) == 0);
  REQUIRE(exists(scratch / "t/f"));
  CHECK(read_text(scratch / "t/f") == edited(before));
}

TEST_CASE("a pack that lies about a base does no harm while a true one is left") {
  RepositoryFixture fixture(kChunk);
  const std::string before = noise(2 * kChunk, 1);
  const Reference first = store_newer(fixture, {{"f", before, ""}});
  const Reference second = store_newer(fixture, {{"f", edited(before), before}});
  REQUIRE(count_delta_blocks(fixture) == 1);
  // Packs are tried in the order of their names, which are random: one of many liars is the first.
  for (int i = 0; i < 12; ++i) store_lie(fixture, before, noise(2 * kChunk, 9));
  ScratchDir scratch;
  const RestoreRun plain = run_restore(fixture, first, into(scratch / "a"));
  CHECK(read_text(scratch / "a/f") == before);
  const RestoreRun delta = run_restore(fixture, second, into(scratch / "b"));
  INFO(delta.findings.text());
  CHECK(delta.findings.count(Finding::Weight::damaged) == 0);
  REQUIRE(exists(scratch / "b/f"));
  CHECK(read_text(scratch / "b/f") == edited(before));
}

TEST_CASE(
    "a file that lies in a delta is dumped, and not as if it were whole if its base is damaged") {
  TwoStates world;
  const auto dump = [&] {
    const Fd fd =
        open_at(AT_FDCWD, (world.scratch / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FindingList findings;
    dump_file(world.fixture.repository(), made_root(world.second), "/f", fd.get(), {}, findings);
  };
  dump();
  CHECK(read_text(world.scratch / "out") == world.after);
  world.fixture.damage_chunk(world.before.substr(0, kChunk));
  const Error error = error_of(dump);
  CHECK(error.kind() == ErrorKind::damaged);
  CHECK(std::string(error.what()).find("/f") == 0);
  CHECK(world.after.starts_with(read_text(world.scratch / "out")));
}

}  // namespace coppice::test
