#include "fs/device.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "support/scratch_dir.h"

namespace coppice::test {
namespace {

struct Names {
  ScratchDir scratch;
  Fd dir = open_at(AT_FDCWD, scratch.path().c_str(), O_RDONLY | O_DIRECTORY);

  Names() {
    REQUIRE(::symlinkat("/dev/null", dir.get(), "null") == 0);
    REQUIRE(::symlinkat("null", dir.get(), "null-by-two") == 0);
    REQUIRE(::symlinkat("nowhere", dir.get(), "dangling") == 0);
    REQUIRE(::symlinkat("loop", dir.get(), "loop") == 0);
    REQUIRE(::mkfifoat(dir.get(), "fifo", 0600) == 0);
    open_at(dir.get(), "file", O_WRONLY | O_CREAT, 0600);
  }
};

TEST_CASE("a device is found through symlinks, and nothing else is one") {
  const Names names;
  for (const char* name : {"null", "null-by-two"}) {
    const auto device = try_stat_device_at(names.dir.get(), name);
    REQUIRE(device);
    CHECK(device->type == FileType::char_device);
    CHECK(device->rdev == (std::uint64_t{1} << 32U | 3));
  }
  for (const char* name : {"dangling", "loop", "fifo", "file", "absent", "."}) {
    CHECK_FALSE(try_stat_device_at(names.dir.get(), name));
  }
}

TEST_CASE("a device is opened to be read; what took its place is not, and does not block") {
  const Names names;
  const OpenResult null = try_open_device_at(names.dir.get(), "null");
  REQUIRE(null.fd.is_open());
  CHECK_FALSE(device_size(null.fd.get()));
  std::array<std::uint8_t, 4> bytes{};
  CHECK(read_up_to(null.fd.get(), bytes) == 0);
  for (const char* name : {"fifo", "file", "."}) {
    CHECK(try_open_device_at(names.dir.get(), name).errno_value == EINVAL);
  }
  CHECK(try_open_device_at(names.dir.get(), "absent").errno_value == ENOENT);
}

}  // namespace
}  // namespace coppice::test
