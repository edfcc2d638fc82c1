#include "fs/open_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "fs/fixture.h"

namespace coppice::test {
namespace {

TEST_CASE("a regular file is opened with what it is") {
  const OpenScratch here;
  const std::string name = std::string(253, 'n') + "\n\xff";
  make_file(here.fd(), name.c_str(), "content");
  const SourceFile file = open_for_reading_at(here.fd(), name.c_str());
  CHECK(file.metadata.size == 7);
  Bytes out(7);
  CHECK(read_at(file.fd.get(), out, 0) == 7);
  CHECK(as_text(out) == "content");
}

TEST_CASE("what is no regular file is refused, and a FIFO does not block") {
  const OpenScratch here;
  make_file(here.fd(), "file");
  REQUIRE(::mkfifoat(here.fd(), "fifo", 0600) == 0);
  REQUIRE(::mkdirat(here.fd(), "directory", 0700) == 0);
  REQUIRE(::symlinkat("file", here.fd(), "symlink") == 0);
  for (const char* name : {"fifo", "directory", "symlink", "missing"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(open_for_reading_at(here.fd(), name), Error);
  }
}

TEST_CASE("a directory is opened, a symlink to one is not") {
  const OpenScratch here;
  REQUIRE(::mkdirat(here.fd(), "directory", 0700) == 0);
  REQUIRE(::symlinkat("directory", here.fd(), "symlink") == 0);
  make_file(here.fd(), "file");
  CHECK(open_directory_at(here.fd(), "directory").is_open());
  CHECK_THROWS_AS(open_directory_at(here.fd(), "symlink"), Error);
  CHECK_THROWS_AS(open_directory_at(here.fd(), "file"), Error);
}

TEST_CASE("reading leaves the access time alone") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file", "content");
  // Older than the mtime, so that also relatime would move it.
  const timespec times[2] = {{1'000'000'000, 0}, {1'500'000'000, 0}};
  REQUIRE(::futimens(fd.get(), times) == 0);
  const SourceFile file = open_for_reading_at(here.fd(), "file");
  Bytes out(7);
  CHECK(read_at(file.fd.get(), out, 0) == 7);
  CHECK(stat_at(here.fd(), "file").atime.seconds == 1'000'000'000);
}

TEST_CASE("a file of another user is opened without O_NOATIME, which only its owner may use") {
  if (!is_root()) {
    MESSAGE("skipped: needs root to become somebody else");
    return;
  }
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file", "content");
  REQUIRE(::fchmod(fd.get(), 0644) == 0);
  REQUIRE(::fchmod(here.fd(), 0755) == 0);
  REQUIRE(::seteuid(65534) == 0);
  const OpenResult refused = try_open_at(here.fd(), "file", O_RDONLY | O_NOATIME);
  const OpenResult opened = try_open_source_at(here.fd(), "file", FileType::regular);
  REQUIRE(::seteuid(0) == 0);
  CHECK(refused.errno_value == EPERM);
  CHECK(opened.fd.is_open());
}

/// The leased descriptor, for the signal handler only; handlers can be given nothing else.
volatile sig_atomic_t leased_fd = -1;  // NOLINT
void give_lease_back(int) { ::fcntl(leased_fd, F_SETLEASE, F_UNLCK); }

TEST_CASE("a file under lease is opened once the lease is given back") {
  const OpenScratch here;
  { make_file(here.fd(), "file", "content"); }
  const Fd holder = open_at(here.fd(), "file", O_RDWR);
  struct sigaction handler {};
  struct sigaction before {};
  handler.sa_handler = give_lease_back;
  leased_fd = holder.get();
  REQUIRE(::sigaction(SIGIO, &handler, &before) == 0);
  if (::fcntl(holder.get(), F_SETLEASE, F_WRLCK) == 0) {
    CHECK(open_for_reading_at(here.fd(), "file").metadata.size == 7);
    CHECK(::fcntl(holder.get(), F_GETLEASE) == F_UNLCK);
  } else {
    MESSAGE("skipped: no leases here");
  }
  ::sigaction(SIGIO, &before, nullptr);
}

}  // namespace
}  // namespace coppice::test
