// Goal: what was renamed, or comes with another date in its name, is the next version of what it
// was, for deltas; never a reason not to read it.
#include <doctest/doctest.h>

#include "backup/delta_world.h"

namespace coppice::test {
namespace {

namespace stdfs = std::filesystem;

/// Changes bytes where they lie, so that the file keeps its inode.
void change_in_place(const std::string& path, std::size_t at, const std::string& bytes) {
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(at));
  out << bytes;
}

}  // namespace

TEST_CASE("a new file with another date in its name builds on the one before it") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  world.write("dump-2026-01-31.sql", before);
  world.write("other.sql", noise(100'000, 3));
  const Version first = world.backup();
  world.note_packs();
  world.write("dump-2026-02-1.sql", touched(before));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(second.packed < kSmall);
  CHECK(world.content(first, "/dump-2026-01-31.sql") == before);
  CHECK(world.content(second, "/dump-2026-02-1.sql") == touched(before));
}

TEST_CASE("of several dated files the last one serves, and small new files look for none") {
  DeltaWorld world;
  const std::string last = noise(300'000, 2);
  world.write("log.1", noise(300'000, 1));
  world.write("log.2", last);
  world.write("note.1", noise(30'000, 3));
  world.backup();
  world.note_packs();
  world.write("log.3", touched(last));
  world.write("note.2", touched(noise(30'000, 3)));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 1);
  CHECK(world.new_blocks(ChunkClass::data).plain == 1);
  CHECK(second.packed > 30'000);
  CHECK(second.packed < 30'000 + kSmall);
  CHECK(world.content(second, "/log.3") == touched(last));
  CHECK(world.content(second, "/note.2") == touched(noise(30'000, 3)));
}

TEST_CASE("of many new files with names alike none takes an old one for its earlier version") {
  DeltaWorld world;
  const std::string last = noise(100'000, 1);
  world.write("picture 0", last);
  world.backup();
  world.note_packs();
  for (int number = 1; number <= 9; ++number)
    world.write("picture " + std::to_string(number), touched(last));
  world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 0);
}

TEST_CASE("a file that was renamed and changed builds on what it was, by its inode") {
  DeltaWorld world;
  const std::string before = noise(kFileSize);
  world.write("draft", before);
  world.backup();
  world.note_packs();
  stdfs::rename(world.path("draft"), world.path("final"));
  change_in_place(world.path("final"), 600'000, "changed in place");
  std::string after = before;
  after.replace(600'000, 16, "changed in place");
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(world.new_blocks(ChunkClass::data).deltas == 1);
  CHECK(world.content(second, "/final") == after);
}

TEST_CASE("files of a renamed directory build on what they were, and are read anew") {
  DeltaWorld world;
  const std::string before = noise(300'000);
  const std::string unchanged = noise(100'000, 2);
  stdfs::create_directories(world.path("project/deep"));
  world.write("project/deep/file", before);
  world.write("project/small", noise(5'000, 3));
  world.write("project/same", unchanged);
  world.backup();
  world.note_packs();
  stdfs::rename(world.path("project"), world.path("attic"));
  world.write("attic/deep/file", touched(before));
  world.write("attic/small", touched(noise(5'000, 3)));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(world.new_blocks(ChunkClass::data).deltas == 1);
  CHECK(world.content(second, "/attic/deep/file") == touched(before));
  CHECK(world.content(second, "/attic/small") == touched(noise(5'000, 3)));
  CHECK(world.content(second, "/attic/same") == unchanged);
  CHECK(second.summary.files_new == 3);
  CHECK(second.summary.files_unmodified == 0);
}

TEST_CASE("files of a directory with another date in its name build on those in the last one") {
  DeltaWorld world;
  stdfs::create_directories(world.path("2026-01-30"));
  stdfs::create_directories(world.path("2026-01-31"));
  world.write("2026-01-30/db", noise(300'000, 1));
  world.write("2026-01-31/db", noise(300'000, 2));
  world.backup();
  world.note_packs();
  stdfs::create_directories(world.path("2026-02-01"));
  world.write("2026-02-01/db", touched(noise(300'000, 2)));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).plain == 0);
  CHECK(world.new_blocks(ChunkClass::data).deltas == 1);
  CHECK(world.content(second, "/2026-02-01/db") == touched(noise(300'000, 2)));
}

TEST_CASE("a file takes no directory with its inode or name for its earlier version") {
  DeltaWorld world;
  stdfs::create_directories(world.path("item 1"));
  world.write("item 1/file", noise(100'000));
  world.backup();
  world.note_packs();
  world.write("item 2", touched(noise(100'000)));
  const Version second = world.backup();
  CHECK(world.new_blocks(ChunkClass::data).deltas == 0);
  CHECK(world.content(second, "/item 2") == touched(noise(100'000)));
}

}  // namespace coppice::test
