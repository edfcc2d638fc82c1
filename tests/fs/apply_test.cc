#include "fs/apply.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include "fs/apply_fixture.h"
#include "fs/fixture.h"
#include "fs/inode_flags.h"

namespace coppice::test {
namespace {

/// A POSIX ACL as the kernel hands it out: version 2, then tag, permissions and id of each entry.
Bytes acl(std::uint8_t user_1000, std::uint8_t mask) {
  const auto entry = [](std::uint8_t tag, std::uint8_t permissions, std::uint16_t id) {
    const std::uint8_t high = id == 0xffff ? 0xff : 0;
    return Bytes{tag,
                 0,
                 permissions,
                 0,
                 static_cast<std::uint8_t>(id),
                 static_cast<std::uint8_t>(id >> 8U),
                 high,
                 high};
  };
  Bytes bytes = {2, 0, 0, 0};
  for (const Bytes& part :
       {entry(0x01, 6, 0xffff), entry(0x02, user_1000, 1000), entry(0x04, 4, 0xffff),
        entry(0x10, mask, 0xffff), entry(0x20, 0, 0xffff)}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

/// v2 of vfs_cap_data: cap_net_raw, permitted and effective.
const Bytes kNetRaw = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

/// Adds the attributes of the given names that can be set here, and says which cannot.
void want_xattrs(const OpenScratch& here, Metadata& wanted, const std::vector<Xattr>& xattrs) {
  const Fd probe = make_file(here.fd(), "probe");
  for (const Xattr& xattr : xattrs) {
    if (::fsetxattr(probe.get(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) ==
        0) {
      wanted.xattrs.push_back(xattr);
    } else {
      MESSAGE("skipped: cannot set " << xattr.name << " here (error " << errno << ")");
    }
  }
}

TEST_CASE("a regular file gets all that was recorded, in an order that loses nothing") {
  const OpenScratch here;
  Metadata wanted = wanted_of(FileType::regular, 0660);
  if (is_root()) {
    wanted.uid = 1234;
    wanted.gid = 5678;
    wanted.mode = 06660;
  }
  want_xattrs(here, wanted,
              {{"security.capability", kNetRaw},
               {"system.posix_acl_access", acl(6, 6)},
               {"trusted.x", {1, 0, 2}},
               {"user.x", {'v'}}});
  const Fd fd = make_file(here.fd(), "file", "content");
  CHECK(apply_metadata(fd.get(), wanted).empty());
  check_same(all_of(here.fd(), "file"), wanted);
}

TEST_CASE("a directory gets its default ACL and mode") {
  const OpenScratch here;
  REQUIRE(::mkdirat(here.fd(), "sub", 0700) == 0);
  const Fd fd = open_at(here.fd(), "sub", O_RDONLY | O_DIRECTORY);
  Metadata wanted = wanted_of(FileType::directory, 03770);
  const Bytes value = acl(7, 7);
  if (::fsetxattr(fd.get(), "system.posix_acl_default", value.data(), value.size(), 0) == 0) {
    wanted.xattrs.push_back({"system.posix_acl_default", acl(5, 5)});
  } else {
    MESSAGE("skipped: no ACLs here");
  }
  CHECK(apply_metadata(fd.get(), wanted).empty());
  check_same(all_of(here.fd(), "sub"), wanted);
}

TEST_CASE("what an existing file has too much is taken away") {
  const OpenScratch here;
  Metadata extra = wanted_of(FileType::regular, 0600);
  want_xattrs(here, extra,
              {{"security.capability", kNetRaw},
               {"system.posix_acl_access", acl(7, 7)},
               {"trusted.old", {1}},
               {"user.old", {1}}});
  const Fd fd = make_file(here.fd(), "file");
  REQUIRE(apply_metadata(fd.get(), extra).empty());
  const Metadata wanted = wanted_of(FileType::regular, 0640);
  CHECK(apply_metadata(fd.get(), wanted).empty());
  check_same(all_of(here.fd(), "file"), wanted);
}

TEST_CASE("an ACL that a new file inherits but never had is taken away") {
  const OpenScratch here;
  const Bytes inherited = acl(7, 7);
  if (::fsetxattr(here.fd(), "system.posix_acl_default", inherited.data(), inherited.size(), 0) !=
      0) {
    MESSAGE("skipped: no ACLs here");
    return;
  }
  const Fd fd = make_file(here.fd(), "file");
  REQUIRE_FALSE(all_of(here.fd(), "file").xattrs.empty());
  const Metadata wanted = wanted_of(FileType::regular, 0644);
  CHECK(apply_metadata(fd.get(), wanted).empty());
  check_same(all_of(here.fd(), "file"), wanted);
}

TEST_CASE("immutable and append-only files come back so, and can be restored over") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  Metadata wanted = wanted_of(FileType::regular, 0444);
  wanted.flags = FS_IMMUTABLE_FL | FS_NODUMP_FL;
  const MetadataProblems problems = apply_metadata(fd.get(), wanted);
  if (has_problem(problems, "flags")) {
    MESSAGE("skipped: immutable files need root and a file system that has them");
    return;
  }
  CHECK(problems.empty());
  check_same(all_of(here.fd(), "file"), wanted);
  CHECK(::unlinkat(here.fd(), "file", 0) != 0);
  wanted.mode = 0600;
  wanted.flags = FS_APPEND_FL;
  CHECK(apply_metadata(fd.get(), wanted).empty());
  check_same(all_of(here.fd(), "file"), wanted);
  CHECK(clear_protecting_flags(fd.get()) == 0);
}

TEST_CASE("only what was asked for is set") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  const Metadata before = all_of(here.fd(), "file");
  Metadata wanted = wanted_of(FileType::regular, 0604);
  wanted.uid = 4321;
  wanted.xattrs = {{"user.x", {'v'}}};
  wanted.flags = FS_NODUMP_FL;
  const ApplyOptions nothing = {.owner = false, .xattrs = false, .times = false, .flags = false};
  CHECK(apply_metadata(fd.get(), wanted, nothing).empty());
  const Metadata now = all_of(here.fd(), "file");
  CHECK(now.mode == 0604);
  CHECK(now.uid == before.uid);
  CHECK(now.xattrs.empty());
  CHECK(now.mtime == before.mtime);
  CHECK(now.flags == 0);
}

TEST_CASE("a set-user-id program is not lent to whoever restores it") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "su");
  Metadata wanted = wanted_of(FileType::regular, 06755);
  wanted.uid += 1;
  wanted.gid += 1;
  const MetadataProblems problems = apply_metadata(fd.get(), wanted, {.owner = false});
  CHECK(has_problem(problems, "setuid"));
  CHECK(has_problem(problems, "setgid"));
  CHECK(problems.size() == 2);
  CHECK(stat_fd(fd.get()).mode == 0755);
}

/// Runs `body` as the user nobody, in a directory of its own; says that it is skipped without root.
void as_nobody(const std::function<void(int dirfd)>& body) {
  if (!is_root()) {
    MESSAGE("skipped: needs root to become somebody else");
    return;
  }
  const OpenScratch here;
  REQUIRE(::fchown(here.fd(), 65534, 65534) == 0);
  REQUIRE(::setegid(65534) == 0);
  REQUIRE(::seteuid(65534) == 0);
  body(here.fd());
  REQUIRE(::seteuid(0) == 0);
  REQUIRE(::setegid(0) == 0);
}

TEST_CASE("without root the owner is reported and all else is set") {
  as_nobody([](int dirfd) {
    const Fd fd = make_file(dirfd, "file");
    Metadata wanted = wanted_of(FileType::regular, 04640);
    wanted.uid = 0;
    const MetadataProblems problems = apply_metadata(fd.get(), wanted);
    CHECK(problems.size() == 2);
    CHECK(has_problem(problems, "owner"));
    CHECK(has_problem(problems, "setuid"));
    const Metadata now = stat_fd(fd.get());
    CHECK(now.mode == 0640);
    CHECK(now.mtime == wanted.mtime);
  });
}

TEST_CASE("a read-only file of ours gets its attributes without root") {
  as_nobody([](int dirfd) {
    const Fd fd = make_file(dirfd, "file");
    if (::fsetxattr(fd.get(), "user.probe", "", 0, 0) != 0) {
      MESSAGE("skipped: no user attributes here");
      return;
    }
    REQUIRE(::fchmod(fd.get(), 0400) == 0);
    Metadata wanted = wanted_of(FileType::regular, 0400);
    wanted.xattrs = {{"user.probe", {'v'}}};
    CHECK(apply_metadata(fd.get(), wanted).empty());
    check_same(all_of(dirfd, "file"), wanted);
  });
}

TEST_CASE("attributes that the kernel refuses are reported by name, the rest is set") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  Metadata wanted = wanted_of(FileType::regular, 0640);
  wanted.xattrs = {{"nonsense.x", {1}}, {"system.posix_acl_access", {9, 9}}};
  const MetadataProblems problems = apply_metadata(fd.get(), wanted);
  CHECK(problems.size() == 2);
  CHECK(has_problem(problems, "xattr nonsense.x"));
  CHECK(has_problem(problems, "xattr system.posix_acl_access"));
  CHECK(stat_fd(fd.get()).mtime == wanted.mtime);
}

TEST_CASE("forged nanoseconds are refused instead of meaning the present") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  Metadata wanted = wanted_of(FileType::regular, 0600);
  wanted.mtime.nanoseconds = UTIME_NOW;
  CHECK(has_problem(apply_metadata(fd.get(), wanted), "times"));
}

TEST_CASE("a time that the file system cannot hold is reported") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "file");
  Metadata wanted = wanted_of(FileType::regular, 0600);
  wanted.mtime.seconds = std::int64_t{1} << 55U;
  const MetadataProblems problems = apply_metadata(fd.get(), wanted);
  CHECK(has_problem(problems, "times") ==
        (stat_fd(fd.get()).mtime.seconds != wanted.mtime.seconds));
}

}  // namespace
}  // namespace coppice::test
