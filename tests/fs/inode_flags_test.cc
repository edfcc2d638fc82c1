#include "fs/inode_flags.h"

#include <doctest/doctest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/fixture.h"

namespace coppice::test {
namespace {

std::uint32_t flags_of(int fd) {
  MetadataProblems problems;
  return read_inode_flags(fd, problems);
}

/// Whether these flags can be set here; says so if not. Leaves the file without them.
bool can_set(int fd, std::uint32_t flags) {
  std::uint32_t now = flags_of(fd);
  std::uint32_t with = now | flags;
  const bool can = ::ioctl(fd, FS_IOC_SETFLAGS, &with) == 0 && (flags_of(fd) & flags) == flags;
  if (can) return ::ioctl(fd, FS_IOC_SETFLAGS, &now) == 0;
  MESSAGE("skipped: flags " << flags << " cannot be set here");
  return false;
}

TEST_CASE("flags that a user chose are set, read and cleared; those of the layout stay") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  if (!can_set(fd.get(), FS_NODUMP_FL | FS_NOATIME_FL)) return;
  const std::uint32_t layout = flags_of(fd.get()) & ~kRestorableFlags;
  MetadataProblems problems;
  set_inode_flags(fd.get(), FS_NODUMP_FL | FS_NOATIME_FL, problems);
  CHECK(flags_of(fd.get()) == (layout | FS_NODUMP_FL | FS_NOATIME_FL));
  Metadata metadata = stat_fd(fd.get());
  CHECK(read_extended(fd.get(), metadata).empty());
  CHECK(metadata.flags == (FS_NODUMP_FL | FS_NOATIME_FL));
  set_inode_flags(fd.get(), 0, problems);
  CHECK(flags_of(fd.get()) == layout);
  CHECK(problems.empty());
}

TEST_CASE("a flag that the file system does not know is reported and does not stop the others") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  if (!can_set(fd.get(), FS_NODUMP_FL)) return;
  MetadataProblems problems;
  // No file system has all of them.
  set_inode_flags(fd.get(), FS_NODUMP_FL | FS_NOCOW_FL | FS_CASEFOLD_FL | FS_DAX_FL, problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].what == "flags");
  CHECK(problems[0].errno_value != 0);
  CHECK((flags_of(fd.get()) & FS_NODUMP_FL) != 0);
}

TEST_CASE("protecting flags are lifted, also from a directory and through a read-only descriptor") {
  const OpenScratch here;
  REQUIRE(::mkdirat(here.fd(), "sub", 0700) == 0);
  const Fd fd = open_at(here.fd(), "sub", O_RDONLY | O_DIRECTORY);
  CHECK(clear_protecting_flags(fd.get()) == 0);
  if (!can_set(fd.get(), FS_IMMUTABLE_FL)) return;
  MetadataProblems problems;
  set_inode_flags(fd.get(), FS_IMMUTABLE_FL, problems);
  CHECK(problems.empty());
  CHECK(::mkdirat(fd.get(), "below", 0700) != 0);
  CHECK(clear_protecting_flags(fd.get()) == 0);
  CHECK(::mkdirat(fd.get(), "below", 0700) == 0);
}

TEST_CASE("where there are no flags none are read, and only wanted ones are missed") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  MetadataProblems problems;
  CHECK(read_inode_flags(reader.get(), problems) == 0);
  CHECK_FALSE(read_project_id(reader.get(), problems).has_value());
  set_inode_flags(reader.get(), 0, problems);
  set_project_id(reader.get(), 0, problems);
  Metadata metadata;
  metadata.flags = FS_NOCOW_FL;
  apply_creation_flags(reader.get(), metadata);
  CHECK(problems.empty());
  set_inode_flags(reader.get(), FS_NODUMP_FL, problems);
  set_project_id(reader.get(), 7, problems);
  CHECK(has_problem(problems, "flags"));
  CHECK(has_problem(problems, "project"));
}

TEST_CASE("a failure that is none of the file system's limits is reported") {
  MetadataProblems problems;
  read_inode_flags(-1, problems);
  CHECK_FALSE(read_project_id(-1, problems).has_value());
  CHECK(has_problem(problems, "flags"));
  CHECK(has_problem(problems, "project"));
}

TEST_CASE("a project id comes back, or is reported where there are no projects") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  MetadataProblems problems;
  set_project_id(fd.get(), 42, problems);
  if (!problems.empty()) {
    CHECK(has_problem(problems, "project"));
    MESSAGE("skipped: this file system has no projects (error " << problems[0].errno_value << ")");
    return;
  }
  CHECK(read_project_id(fd.get(), problems) == 42U);
  set_project_id(fd.get(), 0, problems);
  CHECK_FALSE(read_project_id(fd.get(), problems).has_value());
  CHECK(problems.empty());
}

TEST_CASE("flags for empty files are set at creation as far as the file system has them") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  Metadata metadata;
  metadata.flags = FS_COMPR_FL | FS_NOCOW_FL | FS_IMMUTABLE_FL;
  const bool can = can_set(fd.get(), FS_COMPR_FL);
  apply_creation_flags(fd.get(), metadata);
  CHECK((flags_of(fd.get()) & FS_IMMUTABLE_FL) == 0);
  if (can) CHECK((flags_of(fd.get()) & FS_COMPR_FL) != 0);
}

}  // namespace
}  // namespace coppice::test
