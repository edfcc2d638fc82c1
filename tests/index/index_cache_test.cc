#include "index/index_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "crypto/random.h"
#include "fs/directory.h"
#include "fs/fd.h"
#include "index/run_kit.h"
#include "support/scratch_dir.h"

namespace coppice::test {
namespace {

using Proof = IndexCache::Proof;

struct CacheWorld {
  ScratchDir scratch;
  std::string directory = scratch / "cache";
  Secret32 key = random_secret();
  IndexCache cache{directory, key.clone()};

  std::string keep(std::uint64_t first, std::size_t blocks = 5, std::size_t per_block = 10) {
    const std::vector<IndexRun> parts{make_run(first, blocks, per_block)};
    const auto kept = cache.keep(parts, {});
    REQUIRE(kept);
    return kept->file;
  }
  void flip(const std::string& file, std::uint64_t offset) const {
    const Fd fd = open_at(AT_FDCWD, (directory + '/' + file).c_str(), O_RDWR);
    Bytes byte(1);
    REQUIRE(read_at(fd.get(), byte, offset) == 1);
    byte[0] ^= 1;
    write_at(fd.get(), byte, offset);
  }
  std::uint64_t size_of(const std::string& file) const {
    const Fd fd = open_at(AT_FDCWD, (directory + '/' + file).c_str(), O_RDONLY);
    return static_cast<std::uint64_t>(lseek(fd.get(), 0, SEEK_END));
  }
  bool is_there(const std::string& file) const {
    return access((directory + '/' + file).c_str(), F_OK) == 0;
  }
};

TEST_CASE("cached runs come back, the largest first; foreign ones do not") {
  CacheWorld world;
  CHECK(world.cache.load(Proof::whole).empty());
  world.keep(0);
  world.keep(100, 50);
  for (const Proof proof : {Proof::whole, Proof::as_used}) {
    const auto runs = world.cache.load(proof);
    REQUIRE(runs.size() == 2);
    CHECK(runs[0].run.chunks().size() == 500);
    CHECK(runs[1].run.find(nth_id(49)).size() == 1);
  }
  // Another key removes what it cannot trust.
  CHECK(IndexCache(world.directory, random_secret()).load(Proof::as_used).empty());
  CHECK(world.cache.load(Proof::whole).empty());
}

TEST_CASE("a merged run takes the place of its parts") {
  CacheWorld world;
  const std::string first = world.keep(0);
  const std::string second = world.keep(100);
  std::vector<IndexRun> parts;
  for (const CachedRun& cached : world.cache.load(Proof::whole)) parts.push_back(cached.run);
  const std::vector<std::string> replaced{first, second};
  const auto merged = world.cache.keep(parts, replaced);
  REQUIRE(merged);
  CHECK_FALSE(world.is_there(first));
  CHECK_FALSE(world.is_there(second));
  const auto runs = world.cache.load(Proof::whole);
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].run.find(nth_id(149)).size() == 1);
}

TEST_CASE("no byte of a cached file can be altered without its run going") {
  CacheWorld world;
  const std::string sample = world.keep(0, 30, 30);
  const std::uint64_t size = world.size_of(sample);
  for (std::uint64_t offset = 0; offset < size; offset += 97) {
    const std::string file = world.keep(0, 30, 30);
    world.flip(file, offset);
    CHECK(world.cache.load(Proof::whole).empty());
    CHECK_FALSE(world.is_there(file));
  }
}

TEST_CASE("what is altered counts as not there where it is used, and never as another place") {
  CacheWorld world;
  const std::string sample = world.keep(0, 30, 30);
  const std::uint64_t size = world.size_of(sample);
  const IndexRun genuine = make_run(0, 30, 30);
  std::size_t refused = 0;
  for (std::uint64_t offset = 0; offset < size; offset += 397) {
    const std::string file = world.keep(0, 30, 30);
    world.flip(file, offset);
    const auto runs = world.cache.load(Proof::as_used);
    if (runs.empty()) continue;
    for (std::uint64_t n = 0; n < 900; ++n) {
      const auto found = runs[0].run.find(nth_id(n));
      const auto expected = genuine.find(nth_id(n));
      if (found.empty() || !runs[0].run.has_proved_block(found[0])) {
        ++refused;
        continue;
      }
      REQUIRE(found.size() == 1);
      CHECK(found[0].offset == expected[0].offset);
      const BlockRecord& block = runs[0].run.blocks()[found[0].block];
      CHECK(block.counter == genuine.blocks()[expected[0].block].counter);
    }
    CHECK_FALSE(world.is_there(file));
  }
  CHECK(refused > 0);
}

TEST_CASE("a directory that takes nothing only makes no cache") {
  const ScratchDir scratch;
  const IndexCache cache("/proc/nowhere", random_secret());
  const std::vector<IndexRun> parts{make_run(0, 1, 1)};
  CHECK_FALSE(cache.keep(parts, {}));
  CHECK(cache.load(Proof::whole).empty());
}

TEST_CASE("what a process that is no more was writing is removed, what a live one writes is not") {
  CacheWorld world;
  world.keep(0);
  const std::string of_live = "unfinished-1";
  const std::string of_dead = "unfinished-999999999";
  for (const std::string& name : {of_live, of_dead})
    open_at(AT_FDCWD, (world.directory + '/' + name).c_str(), O_CREAT | O_WRONLY, 0600);
  world.keep(100);
  CHECK(world.is_there(of_live));
  CHECK_FALSE(world.is_there(of_dead));
  CHECK(world.cache.load(Proof::whole).size() == 2);
}

}  // namespace
}  // namespace coppice::test
