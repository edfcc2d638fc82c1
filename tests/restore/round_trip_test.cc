#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "restore_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

/// Some of everything; several blocks of content.
std::vector<LiteralEntry> sample_tree() {
  LiteralEntry first = file("first", "linked content");
  LiteralEntry second = file("second", "linked content");
  hard_link({&first, &second}, 77);
  LiteralEntry marked = file("marked", "with attribute");
  marked.node.meta.xattrs.push_back({"user.colour", to_bytes(as_bytes("green"))});
  std::vector<LiteralEntry> many;
  for (unsigned i = 0; i < 300; ++i) {
    many.push_back(file("f" + std::to_string(i), noise(i * 37, i), 0600 + (i % 2) * 044));
  }
  return {
      directory("home", {directory("u", {file("notes", "my notes\n", 0640), first, marked}, 0750),
                         second, symbolic_link("link", "../etc/passwd")}),
      directory("many", many, 0555),
      directory("empty", {}, 0700),
      file("nothing", ""),
      file("large", noise(3'000'000, 9)),
      file("again", noise(3'000'000, 9)),
      sparse_file("sparse", {{"", 1 << 20}, {"middle", 0}, {"", 1 << 20}}),
      sparse_file("hole", {{"", 1 << 16}}),
      special("fifo", FileType::fifo),
      special("socket", FileType::socket)};
}

/// A file system of 1 MiB; false if this process may not mount.
bool mount_small(const std::string& path) {
  std::filesystem::create_directory(path);
  return ::mount("none", path.c_str(), "tmpfs", 0, "size=1m") == 0;
}

}  // namespace

TEST_CASE("every type of entry comes back as it was") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(sample_tree());
  ScratchDir scratch;
  const std::string target = scratch / "new/target";
  const RestoreRun run = run_restore(fixture, root, into(target));
  INFO(run.findings.text());
  CHECK(run.findings.all.empty());
  CHECK(read_text(target + "/home/u/notes") == "my notes\n");
  CHECK((lstat_of(target + "/home/u/notes").st_mode & 07777U) == 0640);
  CHECK(lstat_of(target + "/home/u/notes").st_mtim.tv_sec == 1'600'000'000);
  CHECK(lstat_of(target + "/home/u/notes").st_mtim.tv_nsec == 123'456'789);
  CHECK((lstat_of(target + "/home/u").st_mode & 07777U) == 0750);
  CHECK(lstat_of(target + "/home").st_mtim.tv_sec == 1'500'000'000);
  CHECK(lstat_of(target + "/many").st_mtim.tv_sec == 1'500'000'000);
  CHECK((lstat_of(target + "/many").st_mode & 07777U) == 0555);
  CHECK(lstat_of(target + "/home/u/first").st_ino == lstat_of(target + "/home/second").st_ino);
  CHECK(read_text(target + "/home/second") == "linked content");
  CHECK(std::filesystem::read_symlink(target + "/home/link") == "../etc/passwd");
  CHECK(lstat_of(target + "/home/link").st_mtim.tv_sec == 1'600'000'000);
  CHECK(lstat_of(target + "/nothing").st_size == 0);
  CHECK(read_text(target + "/large") == noise(3'000'000, 9));
  CHECK(read_text(target + "/again") == noise(3'000'000, 9));
  CHECK(read_text(target + "/sparse") ==
        std::string(1 << 20, '\0') + "middle" + std::string(1 << 20, '\0'));
  CHECK(lstat_of(target + "/sparse").st_blocks < 1024);
  CHECK(lstat_of(target + "/hole").st_size == 1 << 16);
  CHECK(S_ISFIFO(lstat_of(target + "/fifo").st_mode));
  CHECK(S_ISSOCK(lstat_of(target + "/socket").st_mode));
  for (unsigned i = 0; i < 300; ++i) {
    CHECK(read_text(target + "/many/f" + std::to_string(i)) == noise(i * 37, i));
  }
  char colour[16] = {};
  const ssize_t length =
      ::getxattr((target + "/home/u/marked").c_str(), "user.colour", colour, sizeof colour);
  CHECK((length == 5 || errno == ENOTSUP));
}

TEST_CASE("the result counts files, directories and bytes") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(
      {directory("d", {file("a", "12345"), symbolic_link("l", "a")}), file("b", "123")});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  RestoreProgress last;
  options.on_progress = [&](const RestoreProgress& progress) { last = progress; };
  const RestoreRun run = run_restore(fixture, root, options);
  CHECK(run.result.files_restored == 3);
  CHECK(run.result.dirs_restored == 2);
  CHECK(run.result.bytes_restored == 8);
  CHECK(run.result.total_files == 3);
  CHECK(run.result.total_bytes == 8);
  CHECK(run.result.error_count == 0);
  CHECK(last.files_done == 3);
  CHECK(last.files_total == 3);
  CHECK(last.bytes_done == 8);
  CHECK(last.bytes_total == 8);
}

TEST_CASE("tiny windows, few open files and one worker give the same as large ones") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(sample_tree());
  ScratchDir scratch;
  run_restore(fixture, root, into(scratch / "large"));
  RestoreOptions options = into(scratch / "tiny");
  options.window = {3, 5, 4000};
  options.no_space_check = true;
  ThreadPool one(1);
  FindingList findings;
  restore_snapshot(fixture.repository(), one, made_root(root), options, findings);
  CHECK(findings.all.empty());
  CHECK(picture_of(scratch / "large") == picture_of(scratch / "tiny"));
}

TEST_CASE("a directory's contents go into the target and its metadata onto it") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(
      {directory("a", {directory("b", {file("c", "text")}, 0711)}), file("other", "x")});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  options.sub_path = "/a/b/";
  run_restore(fixture, root, options);
  CHECK(read_text(scratch / "t/c") == "text");
  CHECK((lstat_of(scratch / "t").st_mode & 07777U) == 0711);
  CHECK_FALSE(exists(scratch / "t/other"));
}

TEST_CASE("a file goes below the target by its name") {
  RepositoryFixture fixture;
  const Reference root =
      fixture.store_tree({directory("etc", {file("fstab", "mounts"), file("passwd", "users")})});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  options.sub_path = "/etc/fstab";
  const RestoreRun run = run_restore(fixture, root, options);
  CHECK(run.result.total_files == 1);
  CHECK(read_text(scratch / "t/fstab") == "mounts");
  CHECK_FALSE(exists(scratch / "t/passwd"));
  options.sub_path = "/etc/none";
  CHECK(kind_of([&] { run_restore(fixture, root, options); }) == ErrorKind::usage);
}

TEST_CASE("only what is selected is restored, with the directories on the way to it") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(
      {directory("a", {file("x.txt", "1"), file("y.bin", "2")}, 0750),
       directory("b", {file("z.bin", "3")}), directory("c", {file("w.txt", "4")})});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  options.select = [](std::string_view path, bool is_directory) {
    if (path == "/c") return RestoreChoice::none;
    if (is_directory) return RestoreChoice::beneath;
    return path.ends_with(".txt") ? RestoreChoice::take : RestoreChoice::none;
  };
  const RestoreRun run = run_restore(fixture, root, options);
  CHECK(run.result.total_files == 1);
  CHECK(read_text(scratch / "t/a/x.txt") == "1");
  CHECK((lstat_of(scratch / "t/a").st_mode & 07777U) == 0750);
  CHECK_FALSE(exists(scratch / "t/a/y.bin"));
  CHECK_FALSE(exists(scratch / "t/b"));
  CHECK_FALSE(exists(scratch / "t/c"));
}

TEST_CASE("of a hard-linked file only the selected names come back") {
  RepositoryFixture fixture;
  LiteralEntry one = file("one", "content");
  LiteralEntry two = file("two", "content");
  LiteralEntry three = file("three", "content");
  hard_link({&one, &two, &three}, 5);
  const Reference root = fixture.store_tree({one, two, three});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  options.select = [](std::string_view path, bool) {
    return path == "/one" ? RestoreChoice::none : RestoreChoice::take;
  };
  options.window = {1, 1, 1};
  run_restore(fixture, root, options);
  CHECK_FALSE(exists(scratch / "t/one"));
  CHECK(read_text(scratch / "t/two") == "content");
  CHECK(lstat_of(scratch / "t/two").st_nlink == 2);
  CHECK(lstat_of(scratch / "t/two").st_ino == lstat_of(scratch / "t/three").st_ino);
}

TEST_CASE("owners are mapped by number") {
  if (geteuid() != 0) return;
  RepositoryFixture fixture;
  LiteralEntry mine = file("mine", "x", 04755);
  mine.node.meta.uid = 1234;
  mine.node.meta.gid = 4321;
  const Reference root = fixture.store_tree({mine});
  ScratchDir scratch;
  run_restore(fixture, root, into(scratch / "plain"));
  CHECK(lstat_of(scratch / "plain/mine").st_uid == 1234);
  CHECK(lstat_of(scratch / "plain/mine").st_gid == 4321);
  CHECK((lstat_of(scratch / "plain/mine").st_mode & 07777U) == 04755);
  RestoreOptions options = into(scratch / "mapped");
  options.user_map[1234] = 77;
  options.group_map[4321] = 78;
  run_restore(fixture, root, options);
  CHECK(lstat_of(scratch / "mapped/mine").st_uid == 77);
  CHECK(lstat_of(scratch / "mapped/mine").st_gid == 78);
  options = into(scratch / "no_owner");
  options.no_owner = true;
  run_restore(fixture, root, options);
  CHECK(lstat_of(scratch / "no_owner/mine").st_uid == geteuid());
  // A set-user-id program must not lend out another person's rights.
  CHECK((lstat_of(scratch / "no_owner/mine").st_mode & 07777U) == 0755);
}

namespace {

/// What a user without rights sees; the exit status of a process of its own is the answer.
int restore_as_nobody(RepositoryFixture& fixture, const Reference& root,
                      const RestoreOptions& options) {
  // The fixture's workers do not survive a fork: the child makes its own.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setegid(65534) != 0 || ::seteuid(65534) != 0) _exit(100);
    FindingList findings;
    ThreadPool pool(2);
    try {
      restore_snapshot(fixture.repository(), pool, made_root(root), options, findings);
    } catch (const Error&) {
      _exit(101);
    }
    const bool is_clean = findings.all.size() == 1 && findings.all[0].code == "metadata_not_set" &&
                          findings.all[0].message.find("6 entries") != std::string::npos;
    _exit(is_clean ? 0 : 102);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

}  // namespace

TEST_CASE("without root the content comes back and missing rights are told once per kind") {
  if (geteuid() != 0) return;
  RepositoryFixture fixture;
  std::vector<LiteralEntry> entries;
  for (const char* name : {"a", "b", "c", "d"}) entries.push_back(file(name, name, 0444));
  const Reference root = fixture.store_tree({directory("dir", entries, 0555)});
  ScratchDir scratch;
  ::chmod(scratch.path().c_str(), 0777);
  RestoreOptions options = into(scratch / "t");
  options.no_space_check = true;
  CHECK(restore_as_nobody(fixture, root, options) == 0);
  CHECK(read_text(scratch / "t/dir/a") == "a");
  CHECK((lstat_of(scratch / "t/dir").st_mode & 07777U) == 0555);
  CHECK(lstat_of(scratch / "t/dir/a").st_uid == 65534);
  // Again, into a directory that was made read-only: nothing is in the way.
  ::chmod((scratch / "t/dir/a").c_str(), 0400);
  CHECK(restore_as_nobody(fixture, root, options) == 0);
  CHECK((lstat_of(scratch / "t/dir/a").st_mode & 07777U) == 0444);
}

TEST_CASE("the target takes what / was, if that was backed up itself or is named") {
  RepositoryFixture fixture;
  Node root = made_root(fixture.store_tree({file("f", "1")}));
  root.meta.mode = 01755;
  root.meta.mtime = {5, 7};
  ScratchDir scratch;
  const auto restored_mode = [&](const std::string& name, const std::string& backed_up,
                                 const std::string& sub_path) {
    RestoreOptions options = into(scratch / name);
    options.backed_up_paths = {backed_up};
    options.sub_path = sub_path;
    FindingList findings;
    restore_snapshot(fixture.repository(), fixture.pool(), root, options, findings);
    return lstat_of(scratch / name).st_mode & 07777U;
  };
  CHECK(restored_mode("whole", "/", "") == 01755);
  CHECK(lstat_of(scratch / "whole").st_mtim.tv_nsec == 7);
  CHECK(restored_mode("part", "/f", "") == 0700);
  CHECK(restored_mode("named", "/f", "/") == 01755);
}

TEST_CASE("devices are made by root") {
  if (geteuid() != 0) return;
  RepositoryFixture fixture;
  const Reference root =
      fixture.store_tree({special("null", FileType::char_device, std::uint64_t{1} << 32 | 3)});
  ScratchDir scratch;
  const RestoreRun run = run_restore(fixture, root, into(scratch / "t"));
  if (run.findings.has("entries_not_made", "/null")) return;  // a container without CAP_MKNOD
  CHECK(S_ISCHR(lstat_of(scratch / "t/null").st_mode));
}

TEST_CASE("a file in so many pieces that its list is stored apart comes back") {
  RepositoryFixture fixture(7);
  std::vector<FilePart> parts;
  for (unsigned i = 0; i < 20; ++i) parts.push_back({noise(9000, i), 0});
  parts.insert(parts.begin() + 10, FilePart{"", 70'000});
  const Reference root = fixture.store_tree({sparse_file("pieces", parts)});
  ScratchDir scratch;
  RestoreOptions options = into(scratch / "t");
  options.verify = true;
  options.window.chunk_places = 1000;
  const RestoreRun run = run_restore(fixture, root, options);
  INFO(run.findings.text());
  CHECK(run.findings.all.empty());
  std::string wanted;
  for (const FilePart& part : parts) wanted += part.bytes + std::string(part.hole, '\0');
  CHECK(read_text(scratch / "t/pieces") == wanted);
}

TEST_CASE("a target without room is told before anything is written") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({file("large", noise(2'000'000))});
  ScratchDir scratch;
  const std::string small = scratch / "small";
  if (!mount_small(small)) return;
  RestoreOptions options = into(small + "/t");
  FindingList findings;
  CHECK(kind_of([&] {
          restore_snapshot(fixture.repository(), fixture.pool(), made_root(root), options,
                           findings);
        }) == ErrorKind::no_space);
  CHECK_FALSE(exists(small + "/t"));
  options.no_space_check = true;
  CHECK(kind_of([&] {
          restore_snapshot(fixture.repository(), fixture.pool(), made_root(root), options,
                           findings);
        }) == ErrorKind::no_space);
  ::umount(small.c_str());
}

TEST_CASE("a stop is heeded") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree(sample_tree());
  ScratchDir scratch;
  StopFlag stop;
  RestoreOptions options = into(scratch / "t");
  options.stop = &stop;
  options.window = {10, 10, 1000};
  options.on_progress = [&](const RestoreProgress& progress) {
    if (progress.files_done > 20) stop.request(15);
  };
  CHECK(kind_of([&] { run_restore(fixture, root, options); }) == ErrorKind::interrupted);
  options.stop = nullptr;
  options.on_progress = nullptr;
  const RestoreRun run = run_restore(fixture, root, options);
  CHECK(run.findings.all.empty());
  CHECK(run.result.files_unchanged > 0);
  run_restore(fixture, root, into(scratch / "whole"));
  CHECK(picture_of(scratch / "t") == picture_of(scratch / "whole"));
}
