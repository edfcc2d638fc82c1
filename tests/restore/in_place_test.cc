#include <fcntl.h>

#include "restore_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

void set_mtime(const std::string& path, std::int64_t seconds) {
  const timespec times[2] = {{seconds, 123'456'789}, {seconds, 123'456'789}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

}  // namespace

TEST_CASE("a second restore finds everything unchanged") {
  RepositoryFixture fixture;
  LiteralEntry one = file("one", "content");
  LiteralEntry two = file("two", "content");
  hard_link({&one, &two}, 5);
  const Reference root =
      fixture.store_tree({directory("d", {file("a", noise(5000)), symbolic_link("l", "a")}), one,
                          two, special("fifo", FileType::fifo)});
  ScratchDir scratch;
  run_restore(fixture, root, into(scratch / "t"));
  const auto before = picture_of(scratch / "t");
  const ino_t inode = lstat_of(scratch / "t/d/a").st_ino;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  INFO(run.findings.text());
  CHECK(run.findings.all.empty());
  CHECK(run.result.files_unchanged == 5);
  CHECK(run.result.files_restored == 0);
  CHECK(run.result.bytes_restored == 0);
  CHECK(picture_of(scratch / "t") == before);
  CHECK(lstat_of(scratch / "t/d/a").st_ino == inode);
}

TEST_CASE("of a changed file only what differs is written, into the same inode") {
  RepositoryFixture fixture;
  const std::string content = noise(10'000);
  const Reference root = fixture.store_tree({file("f", content, 0600)});
  ScratchDir scratch;
  std::string changed = content + "and a tail";
  changed[4500] = static_cast<char>(changed[4500] + 1);
  write_text(scratch / "f", changed);
  const ino_t inode = lstat_of(scratch / "f").st_ino;
  const RestoreRun run = run_restore(fixture, root, into(scratch.path().string()));
  CHECK(run.result.bytes_restored == 1000);
  CHECK(run.result.files_restored == 1);
  CHECK(read_text(scratch / "f") == content);
  CHECK(lstat_of(scratch / "f").st_ino == inode);
  CHECK(lstat_of(scratch / "f").st_mtim.tv_sec == 1'600'000'000);
  CHECK((lstat_of(scratch / "f").st_mode & 07777U) == 0600);
}

TEST_CASE("holes become holes again in an existing file") {
  RepositoryFixture fixture;
  const Reference root =
      fixture.store_tree({sparse_file("f", {{"start", 0}, {"", 1 << 20}, {"end", 0}})});
  ScratchDir scratch;
  write_text(scratch / "f", noise((1 << 20) + 8));
  const RestoreRun run = run_restore(fixture, root, into(scratch.path().string()));
  INFO(run.findings.text());
  CHECK(read_text(scratch / "f") == "start" + std::string(1 << 20, '\0') + "end");
  CHECK(lstat_of(scratch / "f").st_blocks < 512);
}

TEST_CASE("a changed file with other names is replaced, and they keep their content") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({directory("d", {file("f", "from the snapshot")})});
  ScratchDir scratch;
  std::filesystem::create_directory(scratch / "d");
  write_text(scratch / "elsewhere", "mine");
  std::filesystem::create_hard_link(scratch / "elsewhere", scratch / "d/f");
  run_restore(fixture, root, into(scratch.path().string()));
  CHECK(read_text(scratch / "d/f") == "from the snapshot");
  CHECK(read_text(scratch / "elsewhere") == "mine");
}

TEST_CASE("unchanged content with other metadata is repaired") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({file("f", "text", 0640)});
  ScratchDir scratch;
  write_text(scratch / "f", "text");
  ::chmod((scratch / "f").c_str(), 0666);
  set_mtime(scratch / "f", 1'600'000'000);
  const RestoreRun run = run_restore(fixture, root, into(scratch.path().string()));
  CHECK(run.result.bytes_restored == 0);
  CHECK(run.result.files_restored == 1);
  CHECK((lstat_of(scratch / "f").st_mode & 07777U) == 0640);
}

TEST_CASE("what looks unchanged is kept unless all is to be overwritten") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({file("f", "good")});
  ScratchDir scratch;
  write_text(scratch / "f", "evil");
  set_mtime(scratch / "f", 1'600'000'000);
  run_restore(fixture, root, into(scratch.path().string()));
  CHECK(read_text(scratch / "f") == "evil");
  RestoreOptions options = into(scratch.path().string());
  options.overwrite = Overwrite::always;
  run_restore(fixture, root, options);
  CHECK(read_text(scratch / "f") == "good");
}

TEST_CASE("nothing existing is overwritten if that was asked for") {
  RepositoryFixture fixture;
  LiteralEntry one = file("one", "content");
  LiteralEntry two = file("two", "content");
  hard_link({&one, &two}, 5);
  const Reference root =
      fixture.store_tree({directory("d", {file("f", "snapshot"), file("g", "new")}), one, two,
                          symbolic_link("l", "x")});
  ScratchDir scratch;
  std::filesystem::create_directory(scratch / "d");
  write_text(scratch / "d/f", "mine");
  write_text(scratch / "one", "other content");
  write_text(scratch / "l", "no link");
  RestoreOptions options = into(scratch.path().string());
  options.overwrite = Overwrite::never;
  const RestoreRun run = run_restore(fixture, root, options);
  CHECK(read_text(scratch / "d/f") == "mine");
  CHECK(read_text(scratch / "d/g") == "new");
  CHECK(read_text(scratch / "l") == "no link");
  CHECK(read_text(scratch / "one") == "other content");
  // Its content would have come from the name that was kept.
  CHECK_FALSE(exists(scratch / "two"));
  CHECK(run.findings.has("write_failed", "/two"));
  CHECK(run.result.files_skipped == 4);
}

TEST_CASE("entries of other types are replaced") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({directory("dir", {file("f", "1")}), file("file", "2"),
                                             symbolic_link("link", "target"), file("full", "3"),
                                             special("fifo", FileType::fifo)});
  ScratchDir scratch;
  write_text(scratch / "dir", "a file");
  std::filesystem::create_symlink("elsewhere", scratch / "file");
  std::filesystem::create_directory(scratch / "link");
  std::filesystem::create_directory(scratch / "full");
  write_text(scratch / "full/precious", "data");
  write_text(scratch / "fifo", "a file");
  const RestoreRun run = run_restore(fixture, root, into(scratch.path().string()));
  INFO(run.findings.text());
  CHECK(read_text(scratch / "dir/f") == "1");
  CHECK(read_text(scratch / "file") == "2");
  CHECK(std::filesystem::read_symlink(scratch / "link") == "target");
  CHECK(S_ISFIFO(lstat_of(scratch / "fifo").st_mode));
  // A directory with something in it is only removed if removing was asked for.
  CHECK(run.findings.has("write_failed", "/full"));
  CHECK(read_text(scratch / "full/precious") == "data");
  RestoreOptions options = into(scratch.path().string());
  options.delete_extra = true;
  run_restore(fixture, root, options);
  CHECK(read_text(scratch / "full") == "3");
}

TEST_CASE("a restore that was cut off is continued without writing again what is there") {
  RepositoryFixture fixture(10'000);
  const std::string content = noise(2'000'000);
  const Reference root = fixture.store_tree({file("large", content), file("small", "small")});
  ScratchDir scratch;
  // As a killed process leaves it: half written, private, and of another time.
  write_text(scratch / "large", content.substr(0, 1'000'000));
  ::chmod((scratch / "large").c_str(), 0600);
  const RestoreRun run = run_restore(fixture, root, into(scratch.path().string()));
  CHECK(run.result.bytes_restored == 1'000'000 + 5);
  CHECK(read_text(scratch / "large") == content);
}

TEST_CASE("a dry run tells what it would do and does nothing") {
  RepositoryFixture fixture;
  const Reference root =
      fixture.store_tree({directory("d", {file("new", "1"), file("changed", "2")}),
                          directory("missing", {file("f", "3")})});
  ScratchDir scratch;
  std::filesystem::create_directory(scratch / "d");
  write_text(scratch / "d/changed", "older");
  write_text(scratch / "d/extra", "x");
  const auto before = picture_of(scratch.path().string());
  RestoreOptions options = into(scratch.path().string());
  options.dry_run = true;
  options.delete_extra = true;
  const RestoreRun run = run_restore(fixture, root, options);
  INFO(run.findings.text());
  CHECK(picture_of(scratch.path().string()) == before);
  CHECK(run.findings.has("would_restore", "/d/new"));
  CHECK(run.findings.has("would_update", "/d/changed"));
  CHECK(run.findings.has("would_delete", "/d/extra"));
  CHECK(run.findings.has("would_restore", "/missing"));
  CHECK(run.findings.has("would_restore", "/missing/f"));
  CHECK(run.findings.has("would_update", "/d"));  // its mode and times
  CHECK(run.findings.all.size() == 7);
  CHECK(run.result.error_count == 0);
  options.target = scratch / "not there/at all";
  run_restore(fixture, root, options);
  CHECK_FALSE(exists(scratch / "not there"));
}

TEST_CASE("all that was written is read back") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(
      {file("a", noise(50'000)), file("b", "text"), sparse_file("c", {{"x", 0}, {"", 1 << 17}})});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  options.verify = true;
  const RestoreRun run = run_restore(fixture, root, options);
  INFO(run.findings.text());
  CHECK(run.findings.all.empty());
  CHECK(run.result.files_restored == 3);
}
