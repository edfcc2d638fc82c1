#include "fs/fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "fs/fixture.h"

namespace coppice::test {
namespace {

bool is_open_number(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_CASE("a descriptor is closed once, by its last owner") {
  const OpenScratch here;
  int number = -1;
  {
    Fd first = make_file(here.fd(), "a");
    number = first.get();
    Fd second = std::move(first);
    CHECK_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): that it is empty is the point
    CHECK(second.get() == number);
    second = Fd();
    CHECK_FALSE(is_open_number(number));
    second = make_file(here.fd(), "b");
    number = second.release();
    CHECK_FALSE(second.is_open());
  }
  CHECK(is_open_number(number));
  Fd owner(number);
  owner.close();
  CHECK_FALSE(is_open_number(number));
  owner.close();  // nothing left to do
}

TEST_CASE("an explicit close reports what went wrong") {
  const OpenScratch here;
  Fd fd = make_file(here.fd(), "a");
  ::close(fd.get());
  CHECK_THROWS_AS(fd.close(), Error);
}

TEST_CASE("every descriptor is closed on exec") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "a");
  CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a failed open tells an escaped name, or the error number by value") {
  const OpenScratch here;
  try {
    open_at(here.fd(), "no\nsuch", O_RDONLY);
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "open no\\nsuch: No such file or directory");
    CHECK(error.kind() == ErrorKind::failed);
  }
  const OpenResult result = try_open_at(here.fd(), "nosuch", O_RDONLY);
  CHECK_FALSE(result.fd.is_open());
  CHECK(result.errno_value == ENOENT);
}

TEST_CASE("reads and writes are whole, at their offset, and stop at the end") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "a", "0123456789");
  write_at(fd.get(), as_bytes("xy"), 8);
  write_at(fd.get(), as_bytes("far"), 5'000'000'000);
  Bytes out(4);
  CHECK(read_at(fd.get(), out, 7) == 4);
  CHECK(as_text(out) == std::string_view("7xy\0", 4));
  CHECK(read_at(fd.get(), out, 5'000'000'000) == 3);
  CHECK(read_at(fd.get(), out, 6'000'000'000) == 0);
  CHECK(::lseek(fd.get(), 0, SEEK_CUR) == 0);
  CHECK_THROWS_AS(read_at(here.fd(), out, 0), Error);
  CHECK_THROWS_AS(write_at(here.fd(), out, 0), Error);
}

TEST_CASE("a file of the size that was told is read without asking for its end") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "a", "0123456789");
  Bytes out(11);
  CHECK(read_enough(fd.get(), out, 10) == 10);
  CHECK(as_text(ByteView(out).first(10)) == "0123456789");
  Bytes grown(6);
  CHECK(read_enough(fd.get(), grown, 5) == 6);  // one byte more shows that it is longer
  CHECK(read_enough(make_file(here.fd(), "empty").get(), out, 0) == 0);
  Bytes first(1);
  CHECK(read_enough(fd.get(), first, 0) == 1);  // told to be empty, and is not
  CHECK(read_enough(make_file(here.fd(), "cut", "short").get(), out, 10) == 5);
}

TEST_CASE("a full device is told apart from other failures") {
  const OpenResult full = try_open_at(AT_FDCWD, "/dev/full", O_WRONLY);
  if (!full.fd.is_open()) {
    MESSAGE("skipped: no /dev/full");
    return;
  }
  try {
    write_at(full.fd.get(), as_bytes("x"), 0);
    FAIL("written");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::no_space);
  }
}

TEST_CASE("a pipe is read in pieces until the buffer is full or the writer is gone") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  REQUIRE(::write(writer.get(), "abc", 3) == 3);
  REQUIRE(::write(writer.get(), "defg", 4) == 4);
  Bytes out(5);
  CHECK(read_up_to(reader.get(), out) == 5);
  CHECK(as_text(out) == "abcde");
  writer.close();
  CHECK(read_up_to(reader.get(), out) == 2);
  CHECK(read_up_to(reader.get(), out) == 0);
}

TEST_CASE("syncing tells what cannot be synced from what failed") {
  const OpenScratch here;
  CHECK(sync_to_disk(here.fd()));
  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  CHECK_FALSE(sync_to_disk(writer.get()));
  CHECK_THROWS_AS(sync_to_disk(-1), Error);
}

}  // namespace
}  // namespace coppice::test
