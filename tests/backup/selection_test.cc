#include "backup/selection.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/exclude_file.h"
#include "base/bytes.h"
#include "fs/fd.h"
#include "support/scratch_dir.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

struct Here {
  ScratchDir scratch;
  Fd dir = open_at(AT_FDCWD, scratch.path().c_str(), O_RDONLY | O_DIRECTORY);

  Fd make_file(const char* name, std::string_view content = {}) const {
    Fd fd = open_at(dir.get(), name, O_RDWR | O_CREAT, 0600);
    write_at(fd.get(), as_bytes(content), 0);
    return fd;
  }
  bool excluded_by(const Selection& selection, const char* name) const {
    const std::string path = std::string("/here/") + name;
    return selection.excludes({path}, dir.get(), name, stat_at(dir.get(), name));
  }
};

Selection caches() {
  Selection selection;
  selection.add_if_present({std::string(kCacheTagName), std::string(kCacheTagHeader)});
  return selection;
}

TEST_CASE("nothing is left out unasked") {
  const Here here;
  here.make_file("a");
  CHECK_FALSE(here.excluded_by(Selection(), "a"));
  CHECK_FALSE(Selection().marked_by(here.dir.get()));
}

TEST_CASE("the last pattern that matches decides") {
  Selection selection;
  selection.add_exclude("*.log", false);
  selection.add_exclude("!keep*", false);
  selection.add_exclude("KEEP.NOT.*", true);
  CHECK(selection.excludes_path({"/var/a.log"}));
  CHECK_FALSE(selection.excludes_path({"/var/keep.log"}));
  CHECK(selection.excludes_path({"/var/keep.not.log"}));
  CHECK_FALSE(selection.excludes_path({"/var/other"}));
  CHECK(kind_of([&] { selection.add_exclude("a[", false); }) == ErrorKind::usage);
}

TEST_CASE("a pattern that only takes back leaves nothing out") {
  Selection selection;
  selection.add_exclude("!a", false);
  selection.add_exclude("b", false);
  CHECK_FALSE(selection.excludes_path({"/a"}));
  CHECK(selection.excludes_path({"/a/b"}));
}

TEST_CASE("only files above the limit are too large") {
  const Here here;
  here.make_file("ten", "0123456789");
  REQUIRE(::mkdirat(here.dir.get(), "directory", 0700) == 0);
  Selection selection;
  selection.set_exclude_larger_than(10);
  CHECK_FALSE(here.excluded_by(selection, "ten"));
  selection.set_exclude_larger_than(9);
  CHECK(here.excluded_by(selection, "ten"));
  selection.set_exclude_larger_than(0);
  CHECK_FALSE(here.excluded_by(selection, "directory"));
}

TEST_CASE("what is flagged as not to be dumped is left out when asked for") {
  const Here here;
  const Fd fd = here.make_file("flagged");
  here.make_file("plain");
  REQUIRE(::symlinkat("flagged", here.dir.get(), "link") == 0);
  Selection selection;
  selection.set_exclude_nodump();
  CHECK_FALSE(here.excluded_by(selection, "plain"));
  CHECK_FALSE(has_nodump_flag(here.dir.get(), "missing"));
  unsigned int flags = FS_NODUMP_FL;
  if (::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) != 0) {
    MESSAGE("skipped: the flag cannot be set here");
    return;
  }
  CHECK(here.excluded_by(selection, "flagged"));
  CHECK_FALSE(here.excluded_by(Selection(), "flagged"));
  CHECK_FALSE(here.excluded_by(selection, "link"));
}

TEST_CASE("a directory is a cache if its tag starts with the signature") {
  const Here here;
  const Fd tag =
      here.make_file("CACHEDIR.TAG", "Signature: something else, of about that length..");
  CHECK_FALSE(caches().marked_by(here.dir.get()));
  REQUIRE(::ftruncate(tag.get(), 0) == 0);
  CHECK_FALSE(caches().marked_by(here.dir.get()));
  write_at(tag.get(), as_bytes(kCacheTagHeader.substr(0, 42)), 0);
  CHECK_FALSE(caches().marked_by(here.dir.get()));
  write_at(tag.get(), as_bytes(kCacheTagHeader), 0);
  CHECK(caches().marked_by(here.dir.get()) == "CACHEDIR.TAG");
  write_at(tag.get(), as_bytes("\n# more\n"), kCacheTagHeader.size());
  CHECK(caches().marked_by(here.dir.get()) == "CACHEDIR.TAG");
}

TEST_CASE("a tag that is no regular file marks no cache, and a FIFO does not block") {
  const Here here;
  REQUIRE(::mkfifoat(here.dir.get(), "CACHEDIR.TAG", 0600) == 0);
  CHECK_FALSE(caches().marked_by(here.dir.get()));
  REQUIRE(::unlinkat(here.dir.get(), "CACHEDIR.TAG", 0) == 0);
  here.make_file("real", kCacheTagHeader);
  REQUIRE(::symlinkat("real", here.dir.get(), "CACHEDIR.TAG") == 0);
  CHECK_FALSE(caches().marked_by(here.dir.get()));
}

TEST_CASE("a marker without a header marks by being there, whatever it is") {
  const Here here;
  Selection selection;
  selection.add_if_present({"first", ""});
  selection.add_if_present({"second", ""});
  CHECK_FALSE(selection.marked_by(here.dir.get()));
  REQUIRE(::symlinkat("nowhere", here.dir.get(), "second") == 0);
  CHECK(selection.marked_by(here.dir.get()) == "second");
  REQUIRE(::mkdirat(here.dir.get(), "first", 0700) == 0);
  CHECK(selection.marked_by(here.dir.get()) == "first");
}

TEST_CASE("a marker must have the name of an entry") {
  Selection selection;
  for (const char* name : {"", ".", "..", "a/b"}) {
    CHECK_MESSAGE(kind_of([&] { selection.add_if_present({name, ""}); }) == ErrorKind::usage, name);
  }
}

}  // namespace
}  // namespace coppice::test

TEST_CASE("a pattern that matches the source itself says nothing of what is below it") {
  coppice::Selection selection;
  selection.add_exclude("cache", false);
  selection.add_exclude("/data/cache", false);
  const std::string_view source = "/data/cache";
  CHECK(selection.excludes_path({"/data/cache"}));
  CHECK_FALSE(selection.excludes_path({"/data/cache/a", source.size()}));
  CHECK(selection.excludes_path({"/data/cache/a/cache/b", source.size()}));
}
