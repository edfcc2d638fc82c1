#include <fcntl.h>

#include <random>

#include "parity/geometry.h"
#include "repo/object_names.h"
#include "restore/dump.h"
#include "restore_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

constexpr std::size_t kChunkBytes = 100'000;

std::vector<std::string> large_packs(Store& store) {
  std::vector<std::string> names;
  for (const ObjectInfo& object : store.list("packs/")) {
    if (object.name.ends_with(".par"))
      names.push_back(object.name.substr(0, object.name.size() - 4));
  }
  return names;
}

/// Flips a byte in each of `count` sectors from `first` on.
void damage(RepositoryFixture& fixture, const std::string& object, std::size_t first,
            std::size_t count) {
  const std::uint64_t size = *fixture.repository().store().size(object);
  for (std::size_t sector = first; sector < first + count; ++sector) {
    const std::uint64_t at = sector * 4096 + 5;
    if (at < size) fixture.faults().flip_byte(object, at);
  }
}

bool says_healed(const FindingList& findings) { return findings.has("healed", "repository"); }

}  // namespace

TEST_CASE("a restore heals large packs by their parity, says so, and writes nothing there") {
  RepositoryFixture fixture(kChunkBytes, ParityGeometry{});
  const std::string content = noise(5'000'000, 1);
  const Reference root = fixture.store_tree({directory("d", {file("f", content)})});
  const std::vector<std::string> packs = large_packs(fixture.repository().store());
  REQUIRE(packs.size() == 1);
  const std::uint64_t sectors = *fixture.repository().store().size(packs[0]) / 4096;
  const auto before = fixture.repository().store().list("");
  SUBCASE("a burst in the first block") { damage(fixture, packs[0], 0, 30); }
  SUBCASE("a burst in the middle") { damage(fixture, packs[0], sectors / 2, 30); }
  SUBCASE("the footer, without which the table is not found") {
    fixture.faults().flip_byte(packs[0], *fixture.repository().store().size(packs[0]) - 1);
  }
  SUBCASE("sectors here and there") {
    std::mt19937 random(7);
    for (int i = 0; i < 8; ++i) damage(fixture, packs[0], random() % sectors, 1);
  }
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(fixture.faults().damage_hits() > 0);
  CHECK(run.findings.count(Finding::Weight::damaged) == 0);
  CHECK(run.findings.count(Finding::Weight::healable) > 0);
  CHECK(read_text(scratch / "t/d/f") == content);
  CHECK(fixture.repository().store().list("") == before);
}

TEST_CASE("what parity cannot heal costs the files in it, and others of the pack are healed") {
  RepositoryFixture fixture(kChunkBytes, ParityGeometry{});
  const std::string lost = noise(4'000'000, 2);
  const std::string kept = noise(4'000'000, 3);
  const Reference root = fixture.store_tree({file("a", lost), file("b", kept)});
  const std::vector<std::string> packs = large_packs(fixture.repository().store());
  REQUIRE(packs.size() == 1);
  const std::uint64_t words =
      ParityLayout({}, *fixture.repository().store().size(packs[0])).code_words();
  REQUIRE(words > 5);
  // One code word gets nine bad sectors within the first file, two others one in each file.
  for (std::size_t i = 0; i < 9; ++i) damage(fixture, packs[0], 2 * words + words * i, 1);
  damage(fixture, packs[0], 200 * words / 10 + 1, 1);
  damage(fixture, packs[0], 180 * words + 3, 1);
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(run.findings.has("content_damaged", "/a"));
  CHECK_FALSE(run.findings.has("content_damaged", "/b"));
  CHECK(says_healed(run.findings));
  CHECK(read_text(scratch / "t/b") == kept);
}

TEST_CASE("dump heals by parity, too, and says so") {
  RepositoryFixture fixture(kChunkBytes, ParityGeometry{});
  const std::string content = noise(3'000'000, 4);
  const Reference root = fixture.store_tree({file("f", content)});
  const std::vector<std::string> packs = large_packs(fixture.repository().store());
  REQUIRE(packs.size() == 1);
  damage(fixture, packs[0], 20, 20);
  ScratchDir scratch;
  FindingList findings;
  {
    const std::string path = scratch / "out";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    dump_file(fixture.repository(), made_root(root), "/f", fd, {}, findings);
    ::close(fd);
  }
  CHECK(findings.has("healed", "/f"));
  CHECK(read_text(scratch / "out") == content);
}

TEST_CASE("without parity nothing is healed, and nothing wrong comes out") {
  RepositoryFixture fixture(kChunkBytes);
  const Reference root = fixture.store_tree({file("f", noise(3'000'000, 5))});
  std::string pack;
  for (const ObjectInfo& object : fixture.repository().store().list("packs/")) pack = object.name;
  damage(fixture, pack, 20, 1);
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  CHECK(run.findings.has("content_damaged", "/f"));
  CHECK_FALSE(exists(scratch / "t/f"));
}
