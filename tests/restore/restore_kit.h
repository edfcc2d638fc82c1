#pragma once
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "restore/restore.h"
#include "support/repository_fixture.h"
#include "support/scratch_dir.h"
#include "support/thrown_error.h"

namespace coppice::test {

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline struct stat lstat_of(const std::string& path) {
  struct stat facts {};
  REQUIRE_MESSAGE(::lstat(path.c_str(), &facts) == 0, path);
  return facts;
}

inline bool exists(const std::string& path) {
  return std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found;
}

/// Everything below a directory, one line an entry, for comparing: type, mode, owner, links, mtime,
/// symlink target, content.
inline std::map<std::string, std::string> picture_of(const std::string& top) {
  std::map<std::string, std::string> picture;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
    const std::string path = entry.path().string();
    const struct stat facts = lstat_of(path);
    std::string line = std::to_string(facts.st_mode) + " " + std::to_string(facts.st_uid) + " " +
                       std::to_string(facts.st_nlink) + " " + std::to_string(facts.st_mtim.tv_sec) +
                       "." + std::to_string(facts.st_mtim.tv_nsec) + " ";
    if (S_ISLNK(facts.st_mode)) line += std::filesystem::read_symlink(path).string();
    if (S_ISREG(facts.st_mode)) line += read_text(path);
    picture[path.substr(top.size())] = line;
  }
  return picture;
}

struct RestoreRun {
  RestoreResult result;
  FindingList findings;
};

/// Restores `root` as `options` say; without a space check, which the machine would decide.
inline RestoreRun run_restore(RepositoryFixture& fixture, const Reference& root,
                              RestoreOptions options) {
  RestoreRun run;
  options.no_space_check = true;
  run.result = restore_snapshot(fixture.repository(), fixture.pool(), made_root(root), options,
                                run.findings);
  return run;
}

inline RestoreOptions into(const std::string& target) {
  RestoreOptions options;
  options.target = target;
  options.backed_up_paths = {"/"};
  return options;
}

}  // namespace coppice::test
