#include "fs/holes.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/units.h"
#include "fs/fixture.h"

namespace coppice::test {
namespace {

bool has_holes(int fd, std::uint64_t size) { return stat_fd(fd).allocated < size; }

TEST_CASE("data and holes alternate to the end of the file") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "sparse");
  constexpr std::uint64_t kSize = 8 * kMiB;
  REQUIRE(::ftruncate(fd.get(), kSize) == 0);
  const Bytes block(64 * kKiB, 0xAA);
  write_at(fd.get(), block, 1 * kMiB);
  write_at(fd.get(), block, 4 * kMiB);
  if (!has_holes(fd.get(), kSize)) {
    MESSAGE("skipped: this file system has no holes");
    return;
  }
  CHECK(next_data(fd.get(), 0, kSize) == Extent{1 * kMiB, 64 * kKiB});
  CHECK(next_data(fd.get(), 1 * kMiB + 5, kSize) == Extent{1 * kMiB + 5, 64 * kKiB - 5});
  CHECK(next_data(fd.get(), 2 * kMiB, kSize) == Extent{4 * kMiB, 64 * kKiB});
  CHECK(next_data(fd.get(), 5 * kMiB, kSize) == Extent{kSize, 0});
  CHECK(may_have_holes(fd.get(), kSize));
}

TEST_CASE("one call tells that there are no holes") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "whole", std::string(100'000, 'x'));
  CHECK_FALSE(may_have_holes(fd.get(), 100'000));
  CHECK_FALSE(may_have_holes(fd.get(), 10));
  CHECK(may_have_holes(fd.get(), 100'001));  // it was cut, or something else is wrong: look again
}

TEST_CASE("extents never pass the size that the caller knows") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "grown", std::string(100'000, 'x'));
  CHECK(next_data(fd.get(), 0, 1000) == Extent{0, 1000});
  CHECK(next_data(fd.get(), 1000, 1000) == Extent{1000, 0});
}

TEST_CASE("behind the end of a file that was cut there is no data") {
  const OpenScratch here;
  const Fd fd = make_file(here.fd(), "cut", "short");
  CHECK(next_data(fd.get(), 4096, 8192) == Extent{8192, 0});
}

TEST_CASE("what cannot be sought is an error") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  CHECK_THROWS_AS(next_data(reader.get(), 0, 10), Error);
}

TEST_CASE("where holes are unknown all is data") {
  const OpenResult proc = try_open_at(AT_FDCWD, "/proc/self/status", O_RDONLY);
  if (!proc.fd.is_open()) {
    MESSAGE("skipped: no /proc");
    return;
  }
  CHECK(next_data(proc.fd.get(), 3, 10) == Extent{3, 7});
}

TEST_CASE("zeros count as a hole where holes are not told") {
  constexpr std::uint64_t kBlock = 64 * kKiB;
  const OpenScratch here;
  const std::string zeros(3 * kBlock, '\0');
  const Fd fd = make_file(here.fd(), "file", "a" + zeros + "b" + std::string(100, '\0'));
  const std::uint64_t size = stat_fd(fd.get()).size;
  CHECK(next_nonzero(fd.get(), 0, size) == Extent{0, size});
  CHECK(next_nonzero(fd.get(), 1, size) == Extent{1 + 3 * kBlock, size - 1 - 3 * kBlock});
  // Fewer zeros than a block are a hole at the end only.
  CHECK(next_nonzero(fd.get(), 1 + 2 * kBlock + 1, size).offset == 2 * kBlock + 2);
  CHECK(next_nonzero(fd.get(), 2 + 3 * kBlock, size) == Extent{size, 0});
}

TEST_CASE("a run of zeros is found at a whole 4 KiB of the file") {
  Bytes bytes(100'000, 0);
  CHECK(find_zero_run(bytes, 0, 65536) == 0);
  CHECK(find_zero_run(bytes, 100, 65536) == 4096 - 100);
  CHECK(find_zero_run(bytes, 0, 100'001) == bytes.size());
  bytes[5000] = 1;
  CHECK(find_zero_run(bytes, 0, 65536) == 8192);
  bytes[50'000] = 1;
  CHECK(find_zero_run(bytes, 0, 65536) == bytes.size());
  CHECK(find_zero_run(bytes, 0, 32768) == 8192);
}

}  // namespace
}  // namespace coppice::test
