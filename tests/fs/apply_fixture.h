#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include "fs/fixture.h"

namespace coppice::test {

/// Metadata to be applied: this user's, with times that 32 bits cannot hold.
inline Metadata wanted_of(FileType type, std::uint32_t mode) {
  Metadata metadata;
  metadata.type = type;
  metadata.mode = mode;
  metadata.uid = ::geteuid();
  metadata.gid = ::getegid();
  metadata.mtime = {-1, 123'456'789};
  metadata.atime = {4'300'000'000, 1};  // after 2106
  return metadata;
}

inline Metadata all_of(int dirfd, const char* name) {
  Metadata metadata = stat_at(dirfd, name);
  CHECK(read_extended(dirfd, name, metadata).empty());
  return metadata;
}

inline void check_same(const Metadata& now, const Metadata& wanted) {
  CHECK(now.type == wanted.type);
  if (wanted.type != FileType::symlink) CHECK(now.mode == wanted.mode);
  CHECK(now.uid == wanted.uid);
  CHECK(now.gid == wanted.gid);
  CHECK(now.mtime == wanted.mtime);
  CHECK(now.atime == wanted.atime);
  CHECK(now.xattrs == wanted.xattrs);
  CHECK(now.flags == wanted.flags);
  CHECK(now.rdev == wanted.rdev);
  CHECK(now.symlink_target == wanted.symlink_target);
}

}  // namespace coppice::test
