#include <sys/mount.h>

#include "restore_kit.h"

using namespace coppice;
using namespace coppice::test;

TEST_CASE("a symlink in the target does not lead a restore outside") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(
      {directory("etc", {directory("deep", {file("passwd", "from the snapshot")})}),
       file("f", "content"), symbolic_link("s", "x")});
  ScratchDir scratch;
  std::filesystem::create_directories(scratch / "outside/deep");
  write_text(scratch / "outside/deep/passwd", "precious");
  write_text(scratch / "outside/file", "precious");
  std::filesystem::create_directory(scratch / "t");
  std::filesystem::create_symlink("../outside", scratch / "t/etc");
  std::filesystem::create_symlink("../outside/file", scratch / "t/f");
  std::filesystem::create_symlink("../outside/file", scratch / "t/s");
  const auto before = picture_of(scratch / "outside");
  SUBCASE("replacing them") {
    const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
    CHECK(run.findings.all.empty());
    CHECK(read_text(scratch / "t/etc/deep/passwd") == "from the snapshot");
    CHECK(std::filesystem::is_directory(std::filesystem::symlink_status(scratch / "t/etc")));
    CHECK(read_text(scratch / "t/f") == "content");
    CHECK(std::filesystem::read_symlink(scratch / "t/s") == "x");
  }
  SUBCASE("keeping them") {
    RestoreOptions options = into(scratch / "t");
    options.overwrite = Overwrite::never;
    const RestoreRun run = run_restore(fixture, root, options);
    CHECK(run.findings.has("write_failed", "/etc"));
    CHECK(std::filesystem::is_symlink(scratch / "t/etc"));
  }
  SUBCASE("deleting extras") {
    RestoreOptions options = into(scratch / "t");
    options.delete_extra = true;
    std::filesystem::create_symlink("../outside", scratch / "t/extra");
    const RestoreRun run = run_restore(fixture, root, options);
    CHECK(run.result.files_deleted == 1);
    CHECK_FALSE(exists(scratch / "t/extra"));
  }
  CHECK(picture_of(scratch / "outside") == before);
}

TEST_CASE("a directory that is exchanged for a symlink while restored is not followed") {
  RepositoryFixture fixture;
  std::vector<LiteralEntry> directories;
  for (int i = 0; i < 40; ++i) {
    directories.push_back(
        directory("d" + std::to_string(100 + i),
                  {file("a", noise(2000, static_cast<std::uint32_t>(i))), file("b", "b")}));
  }
  const Reference root = fixture.store_tree({directory("top", directories)});
  ScratchDir scratch;
  std::filesystem::create_directory(scratch / "outside");
  RestoreOptions options = into(scratch / "t");
  options.window = {2, 2, 1000};
  bool is_exchanged = false;
  options.on_progress = [&](const RestoreProgress& progress) {
    if (is_exchanged || progress.files_done < 10) return;
    is_exchanged = true;
    std::filesystem::rename(scratch / "t/top", scratch / "moved");
    std::filesystem::create_symlink("../outside", scratch / "t/top");
  };
  run_restore(fixture, root, options);
  CHECK(is_exchanged);
  CHECK(std::filesystem::is_empty(scratch / "outside"));
}

TEST_CASE("extra entries go, what is recorded, excluded or unfinished stays") {
  RepositoryFixture fixture;
  LiteralEntry unfinished = directory("unfinished", {file("a", "1")});
  unfinished.node.incomplete = true;
  const Reference root =
      fixture.store_tree({directory("d", {file("a", "1"), directory("sub", {})}), unfinished});
  ScratchDir scratch;
  std::filesystem::create_directories(scratch / "d/sub/deep/er");
  std::filesystem::create_directories(scratch / "unfinished");
  write_text(scratch / "d/a0", "extra");
  write_text(scratch / "d/sub/deep/er/f", "extra");
  write_text(scratch / "d/sub/deep/keep.log", "excluded");
  write_text(scratch / "d/z", "extra");
  write_text(scratch / "unfinished/b", "perhaps not extra");
  write_text(scratch / "beside", "not backed up");
  RestoreOptions options = into(scratch.path().string());
  options.delete_extra = true;
  options.backed_up_paths = {"/d", "/unfinished"};
  options.select = [](std::string_view path, bool) {
    return path.ends_with(".log") ? RestoreChoice::none : RestoreChoice::take;
  };
  const RestoreRun run = run_restore(fixture, root, options);
  INFO(run.findings.text());
  CHECK_FALSE(exists(scratch / "d/a0"));
  CHECK_FALSE(exists(scratch / "d/z"));
  CHECK_FALSE(exists(scratch / "d/sub/deep/er"));
  CHECK(exists(scratch / "d/sub/deep/keep.log"));
  CHECK(exists(scratch / "d/a"));
  CHECK(exists(scratch / "unfinished/b"));
  CHECK(exists(scratch / "beside"));
  CHECK(run.result.files_deleted == 4);
  CHECK(lstat_of(scratch / "d").st_mtim.tv_sec == 1'500'000'000);
}

TEST_CASE("extra entries on other mounts stay") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({directory("d", {file("a", "1")})});
  ScratchDir scratch;
  std::filesystem::create_directories(scratch / "d/extra/mount");
  write_text(scratch / "d/extra/gone", "x");
  const std::string mount_point = scratch / "d/extra/mount";
  std::filesystem::create_directory(scratch / "source");
  write_text(scratch / "source/precious", "x");
  // A bind mount: the same device number on both sides.
  if (::mount((scratch / "source").c_str(), mount_point.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return;
  }
  RestoreOptions options = into(scratch.path().string());
  options.delete_extra = true;
  options.backed_up_paths = {"/d"};
  run_restore(fixture, root, options);
  CHECK(read_text(scratch / "source/precious") == "x");
  CHECK_FALSE(exists(scratch / "d/extra/gone"));
  CHECK(::umount(mount_point.c_str()) == 0);
}
