#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

#include "fs/apply.h"
#include "fs/apply_fixture.h"
#include "fs/fixture.h"

namespace coppice::test {
namespace {

TEST_CASE("symlinks, FIFOs and sockets are made and get their metadata, never what they point to") {
  const OpenScratch here;
  const Fd target = make_file(here.fd(), "target");
  const Metadata target_before = all_of(here.fd(), "target");
  for (const FileType type : {FileType::symlink, FileType::fifo, FileType::socket}) {
    Metadata wanted = wanted_of(type, 0624);
    const std::string name = "entry\n" + std::to_string(static_cast<int>(type));
    if (is_root()) {
      wanted.uid = 77;
      wanted.xattrs = {{"trusted.x", {1, 2}}};
    }
    if (type == FileType::symlink) wanted.symlink_target = "target";
    REQUIRE(create_special_at(here.fd(), name.c_str(), wanted) == 0);
    const MetadataProblems problems = apply_metadata_at(here.fd(), name.c_str(), wanted);
    if (has_problem(problems, "xattr trusted.x")) {
      MESSAGE("skipped: no trusted attributes here");
      wanted.xattrs.clear();
    } else {
      CHECK(problems.empty());
    }
    check_same(all_of(here.fd(), name.c_str()), wanted);
  }
  check_same(all_of(here.fd(), "target"), target_before);
}

TEST_CASE("device nodes keep their numbers") {
  const OpenScratch here;
  for (const FileType type : {FileType::char_device, FileType::block_device}) {
    Metadata wanted = wanted_of(type, 0660);
    wanted.rdev = std::uint64_t{259} << 32U | 70'000U;
    const std::string name = "device" + std::to_string(static_cast<int>(type));
    if (!is_root()) {
      MESSAGE("device nodes need root: only the refusal is tested");
      CHECK(create_special_at(here.fd(), name.c_str(), wanted) != 0);
      continue;
    }
    REQUIRE(create_special_at(here.fd(), name.c_str(), wanted) == 0);
    CHECK(apply_metadata_at(here.fd(), name.c_str(), wanted).empty());
    check_same(all_of(here.fd(), name.c_str()), wanted);
  }
}

TEST_CASE("an entry that is not what was made is left alone") {
  const OpenScratch here;
  make_file(here.fd(), "file");
  REQUIRE(::symlinkat("file", here.fd(), "link") == 0);
  const Metadata wanted = wanted_of(FileType::fifo, 0777);
  for (const char* name : {"file", "link", "missing"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(static_cast<void>(apply_metadata_at(here.fd(), name, wanted)), Error);
  }
  CHECK(stat_at(here.fd(), "file").mode == 0600);
}

TEST_CASE("nothing is made over an existing entry, and no regular file or directory") {
  const OpenScratch here;
  make_file(here.fd(), "file");
  CHECK(create_special_at(here.fd(), "file", wanted_of(FileType::fifo, 0600)) != 0);
  Metadata link = wanted_of(FileType::symlink, 0777);
  link.symlink_target = "target";
  CHECK(create_special_at(here.fd(), "file", link) != 0);
  CHECK(create_special_at(here.fd(), "new", wanted_of(FileType::regular, 0600)) != 0);
}

}  // namespace
}  // namespace coppice::test
