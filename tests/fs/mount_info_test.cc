#include "fs/mount_info.h"

#include <doctest/doctest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <string>

#include "fs/fixture.h"

namespace coppice::test {
namespace {

/// True if `path` is mounted with the given magic number; otherwise says that the check is skipped.
bool is_mounted(const char* path, std::uint32_t magic) {
  struct statfs s {};
  if (::statfs(path, &s) == 0 && static_cast<std::uint32_t>(s.f_type) == magic) return true;
  MESSAGE("skipped: " << std::string(path) << " is not mounted as expected");
  return false;
}

Fd open_path(const char* path) { return open_at(AT_FDCWD, path, O_PATH); }

TEST_CASE("the kernel's own file systems are pseudo") {
  if (is_mounted("/proc", PROC_SUPER_MAGIC)) CHECK(is_pseudo_file_system(open_path("/proc").get()));
  if (is_mounted("/sys", SYSFS_MAGIC)) CHECK(is_pseudo_file_system(open_path("/sys").get()));
  if (is_mounted("/dev/pts", DEVPTS_SUPER_MAGIC)) {
    CHECK(is_pseudo_file_system(open_path("/dev/pts").get()));
  }
}

TEST_CASE("a tmpfs and a disk are not pseudo and keep their inode numbers") {
  const OpenScratch here;
  CHECK_FALSE(is_pseudo_file_system(here.fd()));
  if (!is_mounted("/dev/shm", TMPFS_MAGIC)) return;
  CHECK_FALSE(is_pseudo_file_system(open_path("/dev/shm").get()));
  CHECK(has_stable_inodes(open_path("/dev/shm").get()));
}

TEST_CASE("free space is that of statfs, and nothing where it is unknown") {
  const OpenScratch here;
  const FreeSpace space = free_space(here.fd());
  REQUIRE(space.bytes.has_value());
  CHECK(*space.bytes > 0);
  if (!is_mounted("/proc", PROC_SUPER_MAGIC)) return;
  const FreeSpace unknown = free_space(open_path("/proc").get());
  CHECK_FALSE(unknown.bytes.has_value());
  CHECK_FALSE(unknown.inodes.has_value());
}

TEST_CASE("a bad descriptor is an error") {
  CHECK_THROWS_AS(is_pseudo_file_system(-1), Error);
  CHECK_THROWS_AS(has_stable_inodes(-1), Error);
  CHECK_THROWS_AS(tells_holes(-1), Error);
  CHECK_THROWS_AS(free_space(-1), Error);
}

}  // namespace
}  // namespace coppice::test
