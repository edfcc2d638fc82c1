#include "fs/write_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "fs/directory.h"
#include "fs/fixture.h"

namespace coppice::test {
namespace {

std::string text_of(int dirfd, const char* name) {
  return std::string(as_text(read_small_file(dirfd, name, 1000)));
}

TEST_CASE("a file is created, then replaced, and nothing is left beside it") {
  const OpenScratch here;
  write_file_durably(here.fd(), "state", as_bytes("one"));
  CHECK(text_of(here.fd(), "state") == "one");
  CHECK(stat_at(here.fd(), "state").mode == 0600);
  write_file_durably(here.fd(), "state", as_bytes(""), 0400);
  CHECK(text_of(here.fd(), "state").empty());
  CHECK(stat_at(here.fd(), "state").mode == 0400);
  CHECK(read_directory(here.fd()).size() == 1);
}

TEST_CASE("a name of 255 bytes can be written") {
  const OpenScratch here;
  const std::string name(255, 'n');
  write_file_durably(here.fd(), name.c_str(), as_bytes("x"));
  CHECK(text_of(here.fd(), name.c_str()) == "x");
}

TEST_CASE("a write that fails leaves the old state and no temporary file") {
  const OpenScratch here;
  REQUIRE(::mkdirat(here.fd(), "state", 0700) == 0);
  CHECK_THROWS_AS(write_file_durably(here.fd(), "state", as_bytes("new")), Error);
  CHECK(stat_at(here.fd(), "state").type == FileType::directory);
  CHECK(read_directory(here.fd()).size() == 1);
}

TEST_CASE("a directory known only by an O_PATH descriptor will do") {
  const OpenScratch here;
  const Fd pinned = open_at(here.fd(), ".", O_PATH | O_DIRECTORY);
  write_file_durably(pinned.get(), "state", as_bytes("x"));
  CHECK(text_of(here.fd(), "state") == "x");
}

TEST_CASE("a file of exactly the limit is read, a longer one is not") {
  const OpenScratch here;
  make_file(here.fd(), "ten", "0123456789");
  CHECK(read_small_file(here.fd(), "ten", 10).size() == 10);
  CHECK_THROWS_WITH_AS(read_small_file(here.fd(), "ten", 9), "read ten: larger than 9 bytes",
                       Error);
  CHECK(read_small_file(here.scratch / "ten", 10).size() == 10);
  CHECK_THROWS_AS(read_small_file(here.scratch / "ten", 9), Error);
}

TEST_CASE("a missing file is an error, or nothing when it may be missing") {
  const OpenScratch here;
  CHECK_THROWS_AS(read_small_file(here.fd(), "none", 10), Error);
  CHECK_FALSE(try_read_small_file(here.fd(), "none", 10).has_value());
  make_file(here.fd(), "some", "x");
  CHECK(try_read_small_file(here.fd(), "some", 10) == Bytes{'x'});
}

TEST_CASE("a symlink is followed for the user's paths and refused among our own files") {
  const OpenScratch here;
  make_file(here.fd(), "real", "x");
  REQUIRE(::symlinkat("real", here.fd(), "link") == 0);
  CHECK(read_small_file(here.scratch / "link", 10).size() == 1);
  CHECK_THROWS_AS(read_small_file(here.fd(), "link", 10), Error);
  CHECK_THROWS_AS(try_read_small_file(here.fd(), "link", 10), Error);
}

TEST_CASE("a FIFO among our own files is refused without waiting") {
  const OpenScratch here;
  REQUIRE(::mkfifoat(here.fd(), "fifo", 0600) == 0);
  CHECK_THROWS_AS(read_small_file(here.fd(), "fifo", 10), Error);
  CHECK_THROWS_AS(try_read_small_file(here.fd(), "fifo", 10), Error);
}

TEST_CASE("a pipe that the user named is read to its end") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  REQUIRE(::write(writer.get(), "secret", 6) == 6);
  writer.close();
  const std::string path = "/dev/fd/" + std::to_string(reader.get());
  CHECK(as_text(read_small_file(path, 100)) == "secret");
}

TEST_CASE("files that tell size 0 are read all the same") {
  if (::access("/proc/self/status", R_OK) != 0) {
    MESSAGE("skipped: no /proc");
    return;
  }
  CHECK(read_small_file("/proc/self/status", 100'000).size() > 100);
}

TEST_CASE("missing directories are made with the mode, existing ones kept") {
  const OpenScratch here;
  create_directories(here.scratch / "a/b//c/");
  CHECK(stat_at(here.fd(), "a/b/c").mode == 0700);
  create_directories(here.scratch / "a/b", 0755);
  CHECK(stat_at(here.fd(), "a/b").mode == 0700);
  REQUIRE(::symlinkat("a", here.fd(), "link") == 0);
  create_directories(here.scratch / "link/d");
  CHECK(stat_at(here.fd(), "a/d").type == FileType::directory);
  create_directories("/");
}

TEST_CASE("a file in the way of a directory is an error") {
  const OpenScratch here;
  make_file(here.fd(), "file");
  CHECK_THROWS_AS(create_directories(here.scratch / "file"), Error);
  CHECK_THROWS_AS(create_directories(here.scratch / "file/sub"), Error);
  CHECK_THROWS_AS(create_directories(""), Error);
}

TEST_CASE("the limit of open files is raised to what the system grants") {
  const std::uint64_t limit = raise_open_file_limit();
  rlimit now{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
  CHECK(now.rlim_cur == now.rlim_max);
  CHECK(limit == now.rlim_max);
}

}  // namespace
}  // namespace coppice::test
