#include "restore_kit.h"

using namespace coppice;
using namespace coppice::test;

TEST_CASE("one damaged block costs the files in it, which are named, and nothing else") {
  RepositoryFixture fixture;
  fixture.store_tree({file("early", "early content")});
  const Reference root = fixture.store_tree(
      {directory("d", {file("bad", "bad content"), file("good", "good content")}),
       file("early", "early content"), file("later", "later content")});
  // "bad", "good" and "later" share a block, "early" lies in another pack.
  fixture.damage_chunk("bad content");
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(fixture.faults().damage_hits() > 0);
  CHECK(run.findings.has("content_damaged", "/d/bad"));
  CHECK(run.findings.has("content_damaged", "/d/good"));
  CHECK(run.findings.has("content_damaged", "/later"));
  CHECK(run.findings.count(Finding::Weight::damaged) == 3);
  CHECK(run.result.error_count == 3);
  CHECK_FALSE(exists(scratch / "t/d/bad"));
  CHECK_FALSE(exists(scratch / "t/later"));
  CHECK(read_text(scratch / "t/early") == "early content");
  CHECK(lstat_of(scratch / "t/d").st_mtim.tv_sec == 1'500'000'000);
}

TEST_CASE("of a large file with a damaged block the rest is kept under another name") {
  RepositoryFixture fixture(100'000);
  const std::string content = noise(8'000'000);
  const Reference root = fixture.store_tree({file("large", content), file("small", "small")});
  fixture.damage_chunk(content.substr(4'000'000, 100'000));
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(run.findings.has("content_damaged", "/large"));
  CHECK(run.findings.has("incomplete_kept", "/large"));
  CHECK_FALSE(exists(scratch / "t/large"));
  const std::string kept = read_text(scratch / "t/large.incomplete");
  REQUIRE(kept.size() == content.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] != content[i] && kept[i] != 0) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(kept.substr(0, 1'000'000) == content.substr(0, 1'000'000));
  CHECK(read_text(scratch / "t/small") == "small");
}

TEST_CASE("chunks of a missing pack are told before the first byte, and the rest is restored") {
  RepositoryFixture fixture;
  fixture.store_tree({file("before", "lost content")});
  const Reference root = fixture.store_tree(
      {directory("d", {file("lost", "lost content")}), file("kept", "kept content")});
  fixture.lose_chunk("lost content");
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  const RestoreRun run = run_restore(fixture, root, options);
  INFO(run.findings.text());
  CHECK(run.findings.has("content_damaged", "/d/lost"));
  CHECK_FALSE(exists(scratch / "t/d/lost"));
  CHECK(read_text(scratch / "t/kept") == "kept content");
}

TEST_CASE("an existing file is left as it is if its new content is missing") {
  RepositoryFixture fixture;
  fixture.store_tree({file("f", "lost content")});
  const Reference root = fixture.store_tree({file("f", "lost content"), file("g", "other")});
  fixture.lose_chunk("lost content");
  ScratchDir scratch;
  write_text(scratch / "f", "older");
  const RestoreRun run = run_restore(fixture, root, into(scratch.path().string()));
  CHECK(run.findings.has("content_damaged", "/f"));
  // Beside the pack itself it is told once.
  CHECK(run.findings.count(Finding::Weight::damaged) == 2);
  CHECK(read_text(scratch / "f") == "older");
  CHECK(read_text(scratch / "g") == "other");
}

TEST_CASE("other names of a damaged file are damaged too") {
  RepositoryFixture fixture;
  LiteralEntry one = file("one", "content");
  LiteralEntry two = file("two", "content");
  hard_link({&one, &two}, 5);
  const Reference root = fixture.store_tree({one, two});
  fixture.damage_chunk("content");
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  CHECK(run.findings.has("content_damaged", "/one"));
  CHECK(run.findings.has("content_damaged", "/two"));
  CHECK_FALSE(exists(scratch / "t/two"));
}

TEST_CASE("a pack healed by its second copy restores all and says so") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({file("f", "content")});
  for (const ObjectInfo& object : fixture.faults().list("packs/")) {
    if (!object.name.ends_with(".copy")) {
      // Anywhere among the blocks: the first kilobytes.
      for (std::uint64_t i = 0; i < 64; ++i) fixture.faults().flip_byte(object.name, i);
    }
  }
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(read_text(scratch / "t/f") == "content");
  CHECK(run.findings.has("healed", "repository"));
  CHECK(run.findings.count(Finding::Weight::healable) >= 1);
  CHECK(run.findings.count(Finding::Weight::damaged) == 0);
}

TEST_CASE("where one place of a chunk is damaged, another one serves") {
  RepositoryFixture fixture;
  const std::vector<LiteralEntry> tree{file("a", "content"), file("b", noise(3000)),
                                       file("c", "content")};
  fixture.store_tree(tree);
  const Reference root = fixture.store_tree_again(tree);
  fixture.damage_chunk("content", 1);
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(fixture.faults().damage_hits() > 0);
  CHECK(run.result.files_restored == 3);
  CHECK(run.findings.count(Finding::Weight::damaged) == 0);
  CHECK(read_text(scratch / "t/a") == "content");
  CHECK(read_text(scratch / "t/b") == noise(3000));
  CHECK(read_text(scratch / "t/c") == "content");
}
