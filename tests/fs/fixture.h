#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <string_view>
#include <vector>

#include "fs/fd.h"
#include "fs/metadata.h"
#include "support/scratch_dir.h"

namespace coppice::test {

/// A scratch directory that is also open, as the code under test wants it.
struct OpenScratch {
  ScratchDir scratch;
  Fd dir = open_at(AT_FDCWD, scratch.path().c_str(), O_RDONLY | O_DIRECTORY);

  int fd() const { return dir.get(); }
};

/// A new regular file, open for reading and writing.
inline Fd make_file(int dirfd, const char* name, std::string_view content = {}) {
  Fd fd = open_at(dirfd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
  write_at(fd.get(), as_bytes(content), 0);
  return fd;
}

inline bool is_root() { return ::geteuid() == 0; }

inline bool has_problem(const MetadataProblems& problems, std::string_view what) {
  for (const MetadataProblem& problem : problems) {
    if (problem.what == what) return true;
  }
  return false;
}

}  // namespace coppice::test
