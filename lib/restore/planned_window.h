#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fs/holes.h"
#include "restore/output_directory.h"
#include "restore/tree_walk.h"
#include "snapshot/node.h"

namespace coppice {

/// A file with several names: the first that is restored gets the content, the others are linked to
/// it. Written by the executor, read by it after the window's tasks have ended.
struct LinkSource {
  /// impossible: neither this user nor this file system may have such an entry.
  enum class State { pending, restored, damaged, failed, impossible };

  OutputDirectoryPtr directory;
  std::string name;
  State state = State::pending;
  bool keeps_inode = false;  ///< dry run: the existing entry stays, so names linked to it are right
  int errno_value = 0;       ///< why it is impossible

  std::string path() const { return join_path(directory->path(), name); }
};

/// How an entry gets into the target.
enum class EntryAction : std::uint8_t {
  create,   ///< nothing is there
  update,   ///< into the existing inode, only what differs
  replace,  ///< under a temporary name, then renamed over what is there
  settled,  ///< nothing is left to do: unchanged, kept, or given up
};

/// Which bytes of an existing file are right already.
struct UpdatePlan {
  std::vector<bool> is_same;  ///< by extent; beyond its end: differs
  std::vector<Extent> holes;  ///< ranges that hold data now and must not
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

struct PlannedEntry {
  OutputDirectoryPtr directory;
  Node node;  ///< its owner already translated
  /// Shared by all names of the file, over all windows.
  std::shared_ptr<LinkSource> link;
  bool is_first_name = true;
  EntryAction action = EntryAction::create;
  std::unique_ptr<UpdatePlan> update;
  bool is_written = false;  ///< content stands and is new: to be read back

  /// In the snapshot.
  std::string path() const { return join_path(directory->path(), node.name); }
  bool is_regular() const { return node.meta.type == FileType::regular; }
  bool is_later_name() const { return link != nullptr && !is_first_name; }
};

/// An entry of the target that the snapshot does not have.
struct ExtraEntry {
  OutputDirectoryPtr directory;
  std::string name;
};

/// What is restored at one time, in the order of the walk.
struct PlannedWindow {
  std::vector<PlannedEntry> entries;
  std::vector<ExtraEntry> extras;
  std::vector<OutputDirectoryPtr> left;  ///< all of whose entries stand in this or earlier windows
};

}  // namespace coppice
