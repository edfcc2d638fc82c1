#include "fs/directory.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "fs/fixture.h"

namespace coppice::test {
namespace {

std::vector<std::string> names_in(int fd) {
  std::vector<std::string> names;
  for (const DirEntry& entry : read_directory(fd)) names.push_back(entry.name);
  return names;
}

TEST_CASE("an empty directory has no entries") {
  const OpenScratch here;
  CHECK(read_directory(here.fd()).empty());
}

TEST_CASE("names are bytes, sorted as unsigned bytes") {
  const OpenScratch here;
  const std::string longest(255, 'z');
  const std::vector<std::string> sorted = {"\n",   "\x1b[2J", " ",     "...",  "A",        "a",
                                           "a\nb", "a b",     longest, "\x80", "\xc3\xa4", "\xff"};
  for (auto name = sorted.rbegin(); name != sorted.rend(); ++name) {
    make_file(here.fd(), name->c_str());
  }
  CHECK(names_in(here.fd()) == sorted);
}

TEST_CASE("names of a large directory are the same, sorted the same, and spilled") {
  const OpenScratch here;
  for (int number = 0; number < 2000; ++number) {
    const std::string name = std::to_string(number * 7919 % 2000) + std::string(100, 'x');
    make_file(here.fd(), name.c_str());
  }
  const DirectoryNames names(here.fd());
  std::vector<std::string> found;
  for (std::size_t i = 0; i < names.size(); ++i) found.emplace_back(names[i]);
  CHECK(found == names_in(here.fd()));
  CHECK(found.size() == 2000);
  CHECK(names.is_spilled());
  CHECK(DirectoryNames(here.fd()).size() == 2000);
}

TEST_CASE("an entry tells its type and inode") {
  const OpenScratch here;
  const Fd file = make_file(here.fd(), "file");
  REQUIRE(::mkdirat(here.fd(), "sub", 0700) == 0);
  REQUIRE(::symlinkat("nowhere", here.fd(), "link") == 0);
  const std::vector<DirEntry> entries = read_directory(here.fd());
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].inode == stat_fd(file.get()).inode);
  if (entries[0].type == DT_UNKNOWN) {
    MESSAGE("skipped: this file system tells no types");
    return;
  }
  CHECK(entries[0].type == DT_REG);
  CHECK(entries[1].type == DT_LNK);
  CHECK(entries[2].type == DT_DIR);
}

TEST_CASE("a descriptor kept open shows what is there each time it is read") {
  const OpenScratch here;
  CHECK(names_in(here.fd()).empty());
  make_file(here.fd(), "one");
  CHECK(names_in(here.fd()) == std::vector<std::string>{"one"});
  make_file(here.fd(), "two");
  CHECK(names_in(here.fd()) == std::vector<std::string>{"one", "two"});
  REQUIRE(::unlinkat(here.fd(), "one", 0) == 0);
  CHECK(names_in(here.fd()) == std::vector<std::string>{"two"});
}

TEST_CASE("a directory larger than the buffer is read whole") {
  const OpenScratch here;
  constexpr int kCount = 5000;
  for (int i = 0; i < kCount; ++i) {
    make_file(here.fd(), (std::to_string(i) + "-a-name-that-does-not-fit-inline").c_str());
  }
  const std::vector<std::string> names = names_in(here.fd());
  CHECK(names.size() == kCount);
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("a tree deeper than PATH_MAX is walked through descriptors") {
  const OpenScratch here;
  const std::string name(255, 'd');
  constexpr int kDepth = 40;  // 10,240 bytes of path
  Fd deepest = open_at(here.fd(), ".", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kDepth; ++i) {
    REQUIRE(::mkdirat(deepest.get(), name.c_str(), 0700) == 0);
    deepest = open_at(deepest.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  make_file(deepest.get(), "bottom");
  Fd at = open_at(here.fd(), ".", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kDepth; ++i) {
    REQUIRE(names_in(at.get()) == std::vector<std::string>{name});
    at = open_at(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  CHECK(names_in(at.get()) == std::vector<std::string>{"bottom"});
  CHECK(stat_at(at.get(), "bottom").type == FileType::regular);
}

TEST_CASE("what is no directory is an error") {
  const OpenScratch here;
  const Fd file = make_file(here.fd(), "file");
  CHECK_THROWS_AS(read_directory(file.get()), Error);
}

}  // namespace
}  // namespace coppice::test
