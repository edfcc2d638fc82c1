#include "fs/metadata.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "fs/fixture.h"

namespace coppice::test {
namespace {

/// Sets an attribute; false, with a message, where the file system or the rights do not allow it.
bool set_xattr(int fd, const char* name, const std::string& value) {
  if (::fsetxattr(fd, name, value.data(), value.size(), 0) == 0) return true;
  MESSAGE("skipped: cannot set " << std::string(name) << " here (error " << errno << ")");
  return false;
}

Metadata extended(int dirfd, const char* name) {
  Metadata metadata = stat_at(dirfd, name);
  CHECK(read_extended(dirfd, name, metadata).empty());
  return metadata;
}

TEST_CASE("stat tells what a file is") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file", std::string(10'000, 'x'));
  REQUIRE(::fchmod(fd.get(), 04751) == 0);
  REQUIRE(::linkat(here.fd(), "file", here.fd(), "second", 0) == 0);
  const Metadata metadata = stat_at(here.fd(), "file");
  CHECK(metadata.type == FileType::regular);
  CHECK(metadata.mode == 04751);
  CHECK(metadata.uid == ::geteuid());
  CHECK(metadata.size == 10'000);
  CHECK(metadata.links == 2);
  CHECK(metadata.rdev == 0);
  struct stat s {};
  REQUIRE(::fstat(fd.get(), &s) == 0);
  CHECK(metadata.inode == s.st_ino);
  CHECK(metadata.device == (std::uint64_t{major(s.st_dev)} << 32U | minor(s.st_dev)));
  CHECK(metadata.mtime ==
        Timestamp{s.st_mtim.tv_sec, static_cast<std::uint32_t>(s.st_mtim.tv_nsec)});
  CHECK(metadata.ctime ==
        Timestamp{s.st_ctim.tv_sec, static_cast<std::uint32_t>(s.st_ctim.tv_nsec)});
  CHECK(stat_fd(fd.get()).inode == metadata.inode);
}

TEST_CASE("every type of entry is told, and a symlink is not followed") {
  const OpenScratch here;
  REQUIRE(::mkdirat(here.fd(), "directory", 0700) == 0);
  REQUIRE(::symlinkat("directory", here.fd(), "symlink") == 0);
  REQUIRE(::mkfifoat(here.fd(), "fifo", 0600) == 0);
  REQUIRE(::mknodat(here.fd(), "socket", S_IFSOCK | 0600, 0) == 0);
  CHECK(stat_at(here.fd(), "directory").type == FileType::directory);
  CHECK(stat_at(here.fd(), "symlink").type == FileType::symlink);
  CHECK(stat_at(here.fd(), "fifo").type == FileType::fifo);
  CHECK(stat_at(here.fd(), "socket").type == FileType::socket);
  const Metadata null = stat_at(AT_FDCWD, "/dev/null");
  CHECK(null.type == FileType::char_device);
  CHECK(null.rdev == (std::uint64_t{1} << 32U | 3U));
}

TEST_CASE("a block device has its number") {
  const OpenScratch here;
  if (::mknodat(here.fd(), "block", S_IFBLK | 0600, makedev(259, 70'000)) != 0) {
    MESSAGE("skipped: device nodes need root");
    return;
  }
  const Metadata block = extended(here.fd(), "block");
  CHECK(block.type == FileType::block_device);
  CHECK(block.rdev == (std::uint64_t{259} << 32U | 70'000U));
}

TEST_CASE("a missing entry is nothing, another failure is an error") {
  const OpenScratch here;
  make_file(here.fd(), "file");
  CHECK_FALSE(try_stat_at(here.fd(), "none").has_value());
  CHECK(try_stat_at(here.fd(), "file").has_value());
  CHECK_THROWS_AS(stat_at(here.fd(), "none"), Error);
  CHECK_THROWS_AS(try_stat_at(here.fd(), "file/below"), Error);
  CHECK_THROWS_AS(stat_fd(-1), Error);
}

TEST_CASE("times before 1970 and after 2106 are told to the nanosecond") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  const timespec times[2] = {{-2'000'000'000, 999'999'999}, {5'000'000'000, 1}};
  REQUIRE(::futimens(fd.get(), times) == 0);
  const Metadata metadata = stat_at(here.fd(), "file");
  CHECK(metadata.atime == Timestamp{-2'000'000'000, 999'999'999});
  CHECK(metadata.mtime == Timestamp{5'000'000'000, 1});
}

TEST_CASE("an entry without anything extended has none") {
  const OpenScratch here;
  make_file(here.fd(), "file");
  const Metadata metadata = extended(here.fd(), "file");
  CHECK(metadata.xattrs.empty());
  CHECK(metadata.flags == 0);
  CHECK_FALSE(metadata.project_id.has_value());
  CHECK(metadata.symlink_target.empty());
}

TEST_CASE("attributes are sorted, binary, and may be empty or large") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  const std::string binary("\0\xff\n", 3);
  if (!set_xattr(fd.get(), "user.z", binary)) return;
  REQUIRE(set_xattr(fd.get(), "user.empty", ""));
  REQUIRE(set_xattr(fd.get(), "user.a\nb", std::string(2000, 'L')));
  Metadata metadata = stat_fd(fd.get());
  CHECK(read_extended(fd.get(), metadata).empty());
  REQUIRE(metadata.xattrs.size() == 3);
  CHECK(metadata.xattrs[0] == Xattr{"user.a\nb", Bytes(2000, 'L')});
  CHECK(metadata.xattrs[1] == Xattr{"user.empty", {}});
  CHECK(metadata.xattrs[2] == Xattr{"user.z", to_bytes(as_bytes(binary))});
  CHECK(extended(here.fd(), "file").xattrs == metadata.xattrs);
}

TEST_CASE("more names than the first buffer holds are all read") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  constexpr std::size_t kCount = 12;
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string name = "user." + std::string(200, static_cast<char>('a' + i));
    if (!set_xattr(fd.get(), name.c_str(), "v")) return;
  }
  CHECK(extended(here.fd(), "file").xattrs.size() == kCount);
}

TEST_CASE("directories, symlinks, FIFOs and sockets have attributes too") {
  const OpenScratch here;
  REQUIRE(::mkdirat(here.fd(), "directory", 0700) == 0);
  REQUIRE(::symlinkat("directory", here.fd(), "symlink") == 0);
  REQUIRE(::mkfifoat(here.fd(), "fifo", 0600) == 0);
  REQUIRE(::mknodat(here.fd(), "sock\net", S_IFSOCK | 0600, 0) == 0);
  for (const char* name : {"directory", "symlink", "fifo", "sock\net"}) {
    const std::string path = here.scratch / name;
    if (::lsetxattr(path.c_str(), "trusted.kind", name, 4, 0) != 0) {
      MESSAGE("skipped: trusted attributes need root and a file system that has them");
      return;
    }
    const Metadata metadata = extended(here.fd(), name);
    REQUIRE(metadata.xattrs.size() == 1);
    CHECK(metadata.xattrs[0] == Xattr{"trusted.kind", Bytes(name, name + 4)});
  }
  CHECK(stat_at(here.fd(), "symlink").type == FileType::symlink);
}

TEST_CASE("a symlink's target is read whole, whatever its bytes and length") {
  const OpenScratch here;
  std::string longest(4095, 't');
  const std::string odd = "to\n\xff/..";
  if (::symlinkat(longest.c_str(), here.fd(), "longest") != 0) {
    longest.resize(1023);  // all that XFS takes
    REQUIRE(::symlinkat(longest.c_str(), here.fd(), "longest") == 0);
  }
  REQUIRE(::symlinkat(odd.c_str(), here.fd(), "odd") == 0);
  CHECK(extended(here.fd(), "longest").symlink_target == longest);
  CHECK(extended(here.fd(), "odd").symlink_target == odd);
  Metadata without_size = stat_at(here.fd(), "longest");
  without_size.size = 0;  // as file systems like /proc tell
  CHECK(read_extended(here.fd(), "longest", without_size).empty());
  CHECK(without_size.symlink_target == longest);
}

TEST_CASE("a symlink that is gone is an error") {
  const OpenScratch here;
  Metadata metadata;
  metadata.type = FileType::symlink;
  CHECK_THROWS_AS(static_cast<void>(read_extended(here.fd(), "gone", metadata)), Error);
}

TEST_CASE("a file that cannot be opened is reported, not left out in silence") {
  const OpenScratch here;
  Metadata metadata;
  metadata.type = FileType::regular;
  CHECK(has_problem(read_extended(here.fd(), "gone", metadata), "flags"));
}

}  // namespace
}  // namespace coppice::test
