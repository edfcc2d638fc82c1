#pragma once
#include <deque>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "backup/git_ignore.h"
#include "backup/scan.h"
#include "backup/source_tree.h"
#include "backup/walk_units.h"

namespace coppice {

/// Walks the sources with a few directories scanned ahead, starts the reading of changed files, and
/// gives the events out in order. Runs in a thread of its own; scanning and reading run as tasks.
/// Memory: of each directory on the way down, and of at most four a level ahead of them, some 256
/// KiB of names and as much of scanned entries, of those on the way down twice; units of about 1
/// MiB.
/// Its tasks may outlive it, so the rule and what the cut refers to must outlive the group of
/// tasks.
class Walk {
 public:
  using Emit = WalkUnits::Emit;
  Walk(const BackupOptions& options, const ChangeRule& rule, CutRule cut, TaskGroup& tasks,
       Emit emit)
      : options_(options),
        rule_(rule),
        cut_(cut),
        tasks_(tasks),
        units_(cut, tasks, std::move(emit)) {}
  /// A walk that opens no regular file: all of them are `complete`, without content.
  Walk(const BackupOptions& options, const ChangeRule& rule, TaskGroup& tasks, Emit emit)
      : options_(options), rule_(rule), tasks_(tasks), units_({}, tasks, std::move(emit)) {}

  void run();

 private:
  struct Frame;
  struct Visit {
    DirectoryHandle directory;  ///< where the entry lies
    std::string live_name;
    std::string path;  ///< recorded
    std::uint64_t root_device = 0;
    std::size_t source_length = 0;  ///< of the source's path, at the front of `path`
    bool is_source = false;
    ScannedEntry::Contents contents = ScannedEntry::Contents::all;
    GitIgnores ignores;  ///< of a source: what holds around it
  };

  void visit_sources(const SourceTree& tree, const std::string& path,
                     const std::optional<Reference>& old_tree);
  void visit_source(const SourceTree& source, const std::string& path, const std::string& name,
                    const std::optional<Reference>& old_tree);
  void visit_intermediate(const SourceTree& tree, const std::string& path, ScannedEntry entry);
  void visit_entry(const Visit& visit, ScannedEntry entry, Timestamp began);
  void visit_file(const Visit& visit, ScannedEntry entry, Timestamp began);
  void walk_directory(const Visit& visit, ScannedEntry entry, Timestamp began);
  std::unique_ptr<Frame> open_frame(const Visit& visit, ScannedEntry entry,
                                    ScannedDirectory scanned, const GitIgnores& around);
  void add_entries(Frame& frame, std::vector<ScannedEntry> entries) const;
  void scan_on(Frame& frame);
  bool has_entries(Frame& frame);
  bool is_excluded(const Frame& frame, const std::string& path, const ScannedEntry& entry) const;
  std::optional<ScannedEntry::Contents> chosen_contents(const Frame& frame,
                                                        const ScannedEntry& entry) const;
  bool is_other_mount(const Frame& frame, const ScannedEntry& entry) const;
  bool leads_to_named(const std::string& path) const;
  void read_ignore_files(Frame& frame, const std::string& live_name, const GitIgnores& around);
  void scan_ahead(Frame& frame);
  void step_into(std::vector<std::unique_ptr<Frame>>& stack, Frame& frame);

  const BackupOptions& options_;
  const ChangeRule& rule_;
  const std::optional<CutRule> cut_;  // none: nothing is read
  TaskGroup& tasks_;
  WalkUnits units_;
  std::set<std::string> named_;  // recorded paths of the sources
  /// Of the directory that is being walked, recorded. The frames above it have its beginning: a
  /// path for each would take memory with the square of the depth.
  std::string path_;
};

}  // namespace coppice
