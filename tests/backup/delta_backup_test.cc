// Goal: a changed file costs what was changed, whichever way it was changed, and every version
// reads back byte for byte. Cuts differ from repository to repository (a secret decides), so bounds
// here leave room for any of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "backup/delta_world.h"
#include "support/roles.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

namespace stdfs = std::filesystem;

/// Depth one: every base of every delta has a place in a plain block of its class.
bool is_depth_one(const Index& index) {
  for (const IndexRun& run : index.runs()) {
    for (const BlockRecord& block : run.blocks()) {
      for (const BlockBase& base : run.bases(block)) {
        const std::vector<ChunkPlace> places = index.find(base.id);
        const bool is_plain = std::any_of(places.begin(), places.end(), [&](const auto& place) {
          return !place.is_delta() && place.block_record().chunk_class == block.chunk_class;
        });
        if (!is_plain) return false;
      }
    }
  }
  return true;
}

/// Ids of all bases of data blocks in packs that have deltas.
std::set<Id> data_bases(const Index& index) {
  std::set<Id> ids;
  for (const IndexRun& run : index.runs()) {
    for (const BlockRecord& block : run.blocks()) {
      if (static_cast<ChunkClass>(block.chunk_class) != ChunkClass::data) continue;
      for (const BlockBase& base : run.bases(block)) ids.insert(base.id);
    }
  }
  return ids;
}

}  // namespace

TEST_CASE("a file that was changed in place costs its changes, and both versions read back") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  const std::string after = touched(before);
  world.write("f", before);
  const Version first = world.backup();
  world.note_packs();
  world.write("f", after);
  const Version second = world.backup();
  CHECK_MESSAGE(world.findings().all.empty(), world.findings().text());
  CHECK(first.packed > kFileSize);
  CHECK(second.added >= kFileSize);
  CHECK(second.packed < kSmall);
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(world.content(first, "/f") == before);
  CHECK(world.content(second, "/f") == after);
  CHECK(is_depth_one(world.load().index));
}

TEST_CASE("what is put in at the front of a changed file costs itself") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  const std::string after = noise(20'000, 2) + touched(before);
  world.write("f", before);
  const Version first = world.backup();
  world.write("f", after);
  const Version second = world.backup();
  CHECK(second.packed > 20'000);
  CHECK(second.packed < 20'000 + kSmall);
  CHECK(world.content(first, "/f") == before);
  CHECK(world.content(second, "/f") == after);
}

TEST_CASE("changes far behind a long insertion find their older version") {
  DeltaWorld world;
  const std::string before = noise(3'500'000);
  std::string after = before;
  for (std::size_t at = 2'000'000; at < after.size(); at += 250'000) ++after[at];
  // What is put in repeats itself, so that it costs next to nothing.
  std::string repeated;
  for (int i = 0; i < 140; ++i) repeated += noise(5000, 2);
  after.insert(0, repeated);
  world.write("f", before);
  const Version first = world.backup();
  world.note_packs();
  world.write("f", after);
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(second.packed < kSmall);  // six chunks of 32 KiB at least were changed, and do not compress
  CHECK(world.content(first, "/f") == before);
  CHECK(world.content(second, "/f") == after);
}

TEST_CASE("what is appended to a file costs itself, however its last chunk changes by it") {
  DeltaWorld world;
  std::string content = noise(kFileSize);
  world.write("f", content);
  std::vector<std::pair<Version, std::string>> versions{{world.backup(), content}};
  for (std::uint32_t i = 0; i < 3; ++i) {
    content += noise(2000, 10 + i);
    world.write("f", content);
    versions.emplace_back(world.backup(), content);
    CHECK(versions.back().first.packed < kSmall);
  }
  for (const auto& each : versions) CHECK(world.content(each.first, "/f") == each.second);
  CHECK(is_depth_one(world.load().index));
}

TEST_CASE("a small file is a delta as well, beside others that came new") {
  DeltaWorld world;
  const std::string before = noise(60'000);
  world.write("small", before);
  const Version first = world.backup();
  world.note_packs();
  world.write("small", touched(before, 30'000));
  world.write("new", noise(70'000, 4));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 1);
  CHECK(world.new_blocks(ChunkClass::data).plain == 1);
  CHECK(second.packed < 100'000);
  CHECK(world.content(first, "/small") == before);
  CHECK(world.content(second, "/small") == touched(before, 30'000));
  CHECK(world.content(second, "/new") == noise(70'000, 4));
}

TEST_CASE("a third version builds on the plain blocks under the second: no base is a delta") {
  DeltaWorld world;
  std::vector<std::string> contents{noise(kFileSize)};
  std::vector<Version> versions;
  world.write("f", contents[0]);
  versions.push_back(world.backup());
  const LoadedIndex plain = world.load();
  REQUIRE_FALSE(plain.index.has_deltas());
  for (std::size_t i = 1; i < 4; ++i) {
    contents.push_back(touched(contents.back(), i * 5001));
    world.note_packs();
    world.write("f", contents.back());
    versions.push_back(world.backup());
    CAPTURE(i);
    CHECK(versions.back().packed < kSmall);
    CHECK(world.new_blocks(ChunkClass::data).deltas > 0);
    const LoadedIndex loaded = world.load();
    CHECK(is_depth_one(loaded.index));
    for (const Id& id : data_bases(loaded.index)) CHECK(plain.index.find_first(id));
  }
  CHECK(versions.front().packed > kFileSize);
  for (std::size_t i = 0; i < contents.size(); ++i)
    CHECK(world.content(versions[i], "/f") == contents[i]);
}

TEST_CASE("where changes have piled up over old bases the next version is plain again") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  const std::string later = partly_new(touched(before), 0.4);
  world.write("f", before);
  world.backup();
  world.write("f", touched(before));
  world.backup();
  world.note_packs();
  world.write("f", later);
  const Version third = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 0);
  CHECK(third.packed > kFileSize * 9 / 10);
  // The plain blocks are bases in turn.
  world.note_packs();
  world.write("f", touched(later, 7000));
  const Version fourth = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(fourth.packed < kSmall);
  CHECK(world.content(third, "/f") == later);
  CHECK(world.content(fourth, "/f") == touched(later, 7000));
  CHECK(is_depth_one(world.load().index));
}

TEST_CASE("as many changes over a plain version are a delta") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  world.write("f", before);
  world.backup();
  world.note_packs();
  world.write("f", partly_new(before, 0.4));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(second.packed < kFileSize * 6 / 10);
  CHECK(world.content(second, "/f") == partly_new(before, 0.4));
}

TEST_CASE("a file of which nothing stayed is stored plain") {
  DeltaWorld world;
  world.write("f", noise(kFileSize, 1));
  const Version first = world.backup();
  world.note_packs();
  world.write("f", noise(kFileSize, 2));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 0);
  CHECK(second.packed > kFileSize);
  CHECK(data_bases(world.load().index).empty());
  CHECK(world.content(first, "/f") == noise(kFileSize, 1));
  CHECK(world.content(second, "/f") == noise(kFileSize, 2));
}

TEST_CASE("the tree of a directory in which one entry changed is a delta") {
  DeltaWorld world;
  for (int i = 0; i < 150; ++i) {
    const std::string number = std::to_string(i);
    world.write("f" + number, "content " + number);
  }
  const Version first = world.backup();
  world.note_packs();
  world.write("f100", "changed content");
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::metadata).deltas > 0);
  CHECK(second.added > 150 * 32);  // ids alone, which do not compress
  CHECK(is_depth_one(world.load().index));
  for (const int i : {0, 99, 101, 149}) {
    const std::string number = std::to_string(i);
    CHECK(world.content(second, "/f" + number) == "content " + number);
  }
  CHECK(world.content(first, "/f100") == "content 100");
  CHECK(world.content(second, "/f100") == "changed content");
}

TEST_CASE("a stream builds on the stream of the same name in the snapshot before") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  const Version first = world.backup_stream(before);
  world.note_packs();
  const Version second = world.backup_stream(touched(before));
  CHECK(second.packed < kSmall);
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(world.content(first, "/dumps/db.sql") == before);
  CHECK(world.content(second, "/dumps/db.sql") == touched(before));
}

TEST_CASE("without a parent snapshot a changed file is stored plain") {
  DeltaWorld world;
  world.write("f", noise(kFileSize));
  world.backup();
  world.note_packs();
  world.begin_anew();
  world.write("f", touched(noise(kFileSize)));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 0);
  CHECK(second.packed > kFileSize / 2);
  CHECK(world.content(second, "/f") == touched(noise(kFileSize)));
}

TEST_CASE("deltas whose bases' pack is lost are not stored any more, and are stored again") {
  DeltaWorld world;
  const std::string after = touched(noise(kFileSize));
  world.write("f", noise(kFileSize));
  world.backup();
  world.note_packs();
  world.write("f", after);
  const Version second = world.backup();
  REQUIRE(second.packed < kSmall);
  std::vector<Id> of_deltas;
  const LoadedIndex before = world.load(true);
  for (const IndexRun& run : before.index.runs()) {
    for (const ChunkRecord& chunk : run.chunks()) {
      const BlockRecord& block = run.blocks()[chunk.block];
      if ((block.encoding & kEncodingDelta) != 0) of_deltas.push_back(chunk.id);
    }
  }
  REQUIRE_FALSE(of_deltas.empty());
  for (const Id& id : of_deltas) CHECK(before.index.is_stored(id));
  world.lose_known_packs();
  const LoadedIndex loaded = world.load(true);
  for (const Id& id : of_deltas) {
    CHECK(loaded.index.find_first(id));  // its own pack is there
    CHECK_FALSE(loaded.index.is_stored(id));
  }
  const Version third = world.backup();  // the file is as it was
  CHECK(third.packed > kFileSize);
  CHECK(world.content(third, "/f") == after);
  CHECK(world.content(second, "/f") == after);
  CHECK(world.backup().added == 0);
}

TEST_CASE("a base that cannot be read makes a plain block, never a wrong one") {
  DeltaWorld world;
  const std::string after = touched(noise(kFileSize));
  world.write("f", noise(kFileSize));
  const Version first = world.backup();
  world.note_packs();
  // Every data block of the first backup is damaged, which the index does not know.
  std::uint64_t damaged = 0;
  const LoadedIndex loaded = world.load();
  for (const IndexRun& run : loaded.index.runs()) {
    for (const BlockRecord& block : run.blocks()) {
      if (static_cast<ChunkClass>(block.chunk_class) != ChunkClass::data) continue;
      world.fixture().faults().flip_byte(pack_name(run.packs()[block.pack].name), block.offset + 9);
      ++damaged;
    }
  }
  REQUIRE(damaged > 0);
  world.write("f", after);
  const Version second = world.backup();
  CHECK(world.fixture().faults().damage_hits() > 0);
  CHECK(world.new_blocks(ChunkClass::data).deltas == 0);
  CHECK(second.packed > kFileSize / 2);
  CHECK(kind_of([&] { world.content(first, "/f"); }) == ErrorKind::damaged);
}

namespace {

namespace stdfs = std::filesystem;

/// Everything in the fixture's store, to be put into stores of their own.
MemoryStore::Objects copy_of(Store& store) {
  MemoryStore::Objects objects;
  for (const ObjectInfo& object : store.list(""))
    objects[object.name] = store.read_all(object.name, object.size);
  return objects;
}

/// What a backup with so many workers adds to a copy of a repository: its root, and block by block
/// what is in it.
std::vector<std::string> partition(const MemoryStore::Objects& objects, unsigned workers,
                                   BackupOptions options, const Node& parent) {
  MemoryStore store(objects);
  FindingList findings;
  const auto repository =
      Repository::open(store, Credential::from_key_file(Secret32(Bytes(32, 7))), {}, findings);
  ThreadPool pool(workers);
  options.clock = &kSettled;
  options.parent_root = parent;
  const BackupResult result = run_backup(*repository, pool, options, findings);
  CHECK(findings.all.empty());
  std::vector<std::string> lines{result.record.root.subtree->id.hex()};
  const LoadedIndex loaded = repository->load_index({}, findings);
  for (const IndexRun& run : loaded.index.runs()) {
    std::map<std::uint32_t, std::string> by_block;
    std::vector<std::pair<std::uint64_t, const ChunkRecord*>> chunks;
    for (const ChunkRecord& chunk : run.chunks()) {
      if (objects.contains(pack_name(run.packs()[run.blocks()[chunk.block].pack].name))) continue;
      chunks.emplace_back(std::uint64_t{chunk.block} << 32 | chunk.offset, &chunk);
    }
    std::sort(chunks.begin(), chunks.end());
    for (const auto& each : chunks) {
      const BlockRecord& block = run.blocks()[each.second->block];
      std::string& line = by_block[each.second->block];
      if (line.empty()) {
        line = std::to_string(block.offset) + " " + std::to_string(block.encoding) + ":";
        for (const BlockBase& base : run.bases(block))
          line += " " + base.id.hex() + "@" + std::to_string(base.position);
        line += " |";
      }
      line += " " + each.second->id.hex();
    }
    for (const auto& each : by_block) lines.push_back(each.second);
  }
  return lines;
}

}  // namespace

TEST_CASE("one, two and seven workers make the same blocks of the same bases, byte for byte") {
  const ScratchDir scratch;
  const std::string root = scratch / "src";
  stdfs::create_directories(root + "/d");
  const std::string large = noise(2'500'000, 1);
  write_file(root + "/large", large);
  for (std::uint32_t i = 0; i < 20; ++i)
    write_file(root + "/d/f" + std::to_string(i), noise(50'000, 100 + i));
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options;
  options.sources.push_back({root, "/"});
  options.host = "host";
  options.clock = &kSettled;
  const BackupResult first = run_backup(fixture.repository(), fixture.pool(), options, findings);
  const MemoryStore::Objects objects = copy_of(fixture.repository().store());
  write_file(root + "/large", touched(large));
  write_file(root + "/fresh", noise(1'500'000, 2));
  for (std::uint32_t i = 0; i < 20; i += 2)
    write_file(root + "/d/f" + std::to_string(i), touched(noise(50'000, 100 + i), 25'000));
  const auto one = partition(objects, 1, options, first.record.root);
  CHECK(one.size() >= 6);  // the root, deltas and plain blocks of both classes
  const std::string delta = " 3:";
  CHECK(std::any_of(one.begin(), one.end(), [&](const std::string& line) {
    return line.find(delta) != std::string::npos;
  }));
  for (const unsigned workers : {2U, 7U}) {
    CAPTURE(workers);
    const auto several = partition(objects, workers, options, first.record.root);
    REQUIRE(several.size() == one.size());
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(several[i] == one[i]);
  }
}

namespace {

namespace stdfs = std::filesystem;

constexpr std::uint8_t kWriterKey = 21;

}  // namespace

TEST_CASE("a writer's slot, which may read nothing, stores everything plain") {
  const ScratchDir scratch;
  const std::string root = scratch / "src";
  stdfs::create_directories(root);
  RepositoryFixture fixture;
  add_slot(fixture.repository(), Role::writer, kWriterKey);
  FindingList findings;
  const auto writer = Repository::open(fixture.faults(), passkey(kWriterKey), {}, findings);
  BackupOptions options;
  options.sources.push_back({root, "/"});
  options.clock = &kSettled;
  const std::string before = noise(kFileSize);
  for (const std::string& content : {before, touched(before)}) {
    write_file(root + "/f", content);
    write_file(root + "/dump-" + std::to_string(content[5]), content);
    const BackupResult result = run_backup(*writer, fixture.pool(), options, findings);
    CHECK_FALSE(result.makes_deltas);
    CHECK(result.summary.data_added_packed > kFileSize / 2);
    options.parent_root = result.record.root;  // which it cannot read
  }
  CHECK_MESSAGE(findings.all.empty(), findings.text());
  fixture.repository().refresh();
  const LoadedIndex loaded = fixture.repository().load_index({}, findings);
  CHECK_FALSE(loaded.index.has_deltas());
}

}  // namespace coppice::test
