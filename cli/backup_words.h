#pragma once
#include <optional>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "syntax.h"

namespace coppice {

/// The words of `backup` on the command line, and what they mean to the library.
struct BackupWords {
  std::vector<std::string> paths;  ///< or the producer's words
  std::vector<std::string> excludes, ignore_case_excludes, exclude_files, if_present;
  bool exclude_caches = false, exclude_nodump = false;
  std::optional<std::string> larger_than;
  bool git_ignore = false, one_file_system = false;
  std::vector<std::string> files_from, files_from_raw;
  bool from_stdin = false, from_command = false;
  std::optional<std::string> stdin_filename, as;
  bool read_special = false, with_atime = false, ignore_inode = false, ignore_ctime = false;
  std::vector<std::string> tags;
  std::optional<std::string> host, time, parent;
  bool force = false, is_dry_run = false;
  std::optional<std::string> compression, limit_rate;

  void declare(Syntax& syntax);
  /// Throws Error{usage} for words that do not go together.
  void check() const;
  bool is_stream() const { return from_stdin || from_command; }
  /// What a stream is called in the snapshot.
  std::string stream_path() const;

  /// Options that follow from the words alone: sources, selection, flags, tags, time. Reads the
  /// files that the words name. Throws Error{usage}; Error{failed} if such a file cannot be read.
  BackupOptions make_options() const;

 private:
  Selection make_selection() const;
  std::vector<BackupSource> make_sources() const;
};

}  // namespace coppice
