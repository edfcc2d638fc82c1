#include "fs/scratch_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

#include "fs/directory.h"
#include "fs/fixture.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

TEST_CASE("a scratch file has no name") {
  const OpenScratch here;
  const Fd fd = create_scratch_file(here.scratch.path());
  write_at(fd.get(), as_bytes("content"), 0);
  CHECK(read_directory(here.fd()).empty());
  Bytes read(7);
  CHECK(read_at(fd.get(), read, 0) == 7);
  CHECK(as_text(read) == "content");
}

TEST_CASE("a directory that cannot take a scratch file is named") {
  CHECK(std::string(error_of([] { create_scratch_file("/no/such/place"); }).what())
            .find("/no/such/place") != std::string::npos);
}

TEST_CASE("where the scratch directory takes nothing, memory does") {
  const std::string before = scratch_directory();
  setenv("TMPDIR", "/no/such/place", 1);
  int calls = 0;
  const Fd fd = write_scratch_file([&](const Fd& file) {
    ++calls;
    resize_file(file, 10);
    write_at(file.get(), as_bytes("content"), 0);
  });
  setenv("TMPDIR", before.c_str(), 1);
  CHECK(calls == 1);
  CHECK(as_text(MappedFile(fd, 7).bytes()) == "content");
}

TEST_CASE("a scratch file that cannot be filled on disk is filled anew in memory") {
  int calls = 0;
  const Fd fd = write_scratch_file([&](const Fd& file) {
    write_at(file.get(), as_bytes("x"), static_cast<std::uint64_t>(calls));
    if (++calls == 1) throw system_error("pwrite", ENOSPC);
  });
  CHECK(calls == 2);
  CHECK(MappedFile(fd, 2).bytes()[1] == 'x');
}

TEST_CASE("regions are written side by side, and read through a mapping") {
  const OpenScratch here;
  const Fd fd = create_scratch_file(here.scratch.path());
  RegionWriter front(fd, 0, 16);
  RegionWriter back(fd, 60, 16);
  for (int i = 0; i < 6; ++i) {
    front.append(as_bytes("0123456789"));
    back.append(as_bytes("abcde"));
  }
  back.append(as_bytes("longer than the buffer is"));
  CHECK(back.offset() == 60 + 30 + 25);
  front.flush();
  back.flush();
  const MappedFile mapped(fd, 115);
  std::string expected;
  for (int i = 0; i < 6; ++i) expected += "0123456789";
  for (int i = 0; i < 6; ++i) expected += "abcde";
  expected += "longer than the buffer is";
  CHECK(as_text(mapped.bytes()) == expected);
  mapped.let_go();
  CHECK(as_text(mapped.bytes()) == expected);
}

TEST_CASE("a mapping of nothing is empty") {
  const OpenScratch here;
  const Fd fd = create_scratch_file(here.scratch.path());
  CHECK(MappedFile(fd, 0).bytes().empty());
}

}  // namespace
}  // namespace coppice::test
