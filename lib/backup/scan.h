#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/small_files.h"
#include "base/clock.h"
#include "base/finding.h"
#include "index/index.h"
#include "snapshot/node.h"
#include "snapshot/reference.h"

namespace coppice {

/// What decides whether an entry is as it was in the parent snapshot. Const and shared by the
/// scanning tasks.
struct ChangeRule {
  bool ignore_inode = false;
  bool ignore_ctime = false;
  bool read_special = false;
  const Index* index = nullptr;
  MetadataSource* source = nullptr;
  const Clock* clock = nullptr;
};

/// An entry of a directory, compared with the parent snapshot.
struct ScannedEntry {
  std::string name;
  Metadata
      metadata;  ///< by statx; extended metadata only when `old` is reusable (then that of `old`)
  /// The parent snapshot's node of that name and type, if there is one. unique_ptr: large
  /// directories are mostly new or mostly without it.
  std::unique_ptr<Node> old;
  /// Of a new file or directory: another one in the parent snapshot that it is likely to be the
  /// next version of (renamed, or with another date in its name, or of that name in a directory
  /// that is). Serves for deltas only: what was at another place never proves an entry unchanged.
  std::unique_ptr<Node> similar;
  /// Nothing about the entry has changed and all that the old node refers to is stored: it need not
  /// be opened. For a directory this says only that its own metadata is unchanged.
  bool is_unchanged = false;
  int errno_value = 0;  ///< not 0: statx failed
  /// Of a source: `metadata` of a device to be read is that of the file it becomes.
  ContentKind kind = ContentKind::file;
  /// What of a directory's contents is backed up; the walk decides.
  enum class Contents { all, only_named, none };
  Contents contents = Contents::all;
};

class DirectoryScan;

struct ScannedDirectory {
  DirectoryHandle handle;
  std::vector<ScannedEntry> entries;  ///< names ascending; with `rest`, the first ones
  /// A large directory: the entries that are left; null if there are none. shared_ptr: a task that
  /// scans on outlives a walk that was stopped.
  std::shared_ptr<DirectoryScan> rest;
  int errno_value = 0;     ///< not 0: the directory could not be opened or read
  bool is_pseudo = false;  ///< the kernel's own words (proc, sysfs …): left out
  Timestamp began;         ///< when the scan began: for "unsettled"
};

/// A directory's old version: its own, or that of a directory at another place (`similar`).
struct OldTree {
  std::optional<Reference> tree;
  bool is_of_this_place = true;
};

/// The old version of an entry that is a directory.
OldTree old_tree_of(const ScannedEntry& entry);

/// Lists directory `name` below `parent` (or that of `parent` itself if `name` is empty), stats
/// its first entries, some 256 KiB of them, and merges them with the parent snapshot's sorted
/// nodes. Opens no files.
ScannedDirectory scan_directory(const ChangeRule& rule, const DirectoryHandle& parent,
                                const std::string& name, const OldTree& old);

/// What is left of a large directory, to be scanned slice by slice as the walk goes on: so its size
/// costs no memory but that of names beyond DirectoryNames' bound, which is scratch. One thread at
/// a time.
class DirectoryScan {
 public:
  struct State;
  explicit DirectoryScan(std::unique_ptr<State> state);
  ~DirectoryScan();
  DirectoryScan(const DirectoryScan&) = delete;
  DirectoryScan& operator=(const DirectoryScan&) = delete;

  /// The next entries, names ascending, some 256 KiB of them; none are left after none came.
  std::vector<ScannedEntry> next();

 private:
  std::unique_ptr<State> state_;
};

/// Stats and compares one entry that was named: `live_name` in `directory`, called `recorded_name`
/// in the snapshot. The result has exactly that entry. A device is to be read, if the rule says so.
ScannedDirectory scan_source(const ChangeRule& rule, DirectoryHandle directory,
                             const std::string& live_name, const std::string& recorded_name,
                             const std::optional<Reference>& old_tree);

/// The entry as the snapshot's trees have it, without content. Moves the metadata out.
Node node_of(ScannedEntry& entry, Timestamp began);

/// A ctime within the 60 s before `began`, or later, proves nothing: a write through mmap to a page
/// that is still dirty leaves it unchanged (design, section 7).
bool is_unsettled(const Metadata& metadata, Timestamp began);

}  // namespace coppice
