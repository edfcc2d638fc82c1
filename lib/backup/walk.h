#pragma once
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "backup/git_ignore.h"
#include "backup/scan.h"
#include "backup/source_tree.h"
#include "backup/streamed_file.h"
#include "task/task_group.h"

namespace coppice {

/// One step of the walk, in the order of the snapshot's trees: depth first, names ascending.
struct WalkEvent {
  enum class Kind {
    enter_directory,  ///< node: the directory without its subtree; "/" is never left
    leave_directory,
    complete,       ///< node: as it goes into the tree
    small_file,     ///< node without content; the next file of the unit's batch
    streamed_file,  ///< node without content; content from `stream`
    problem,        ///< only `problem`
  };
  Kind kind = Kind::complete;
  Node node;
  std::string path;           ///< recorded, for messages and progress
  bool was_known = false;     ///< the parent snapshot had an entry of this name and type
  bool is_unchanged = false;  ///< complete: taken over from the parent snapshot
  bool is_source = false;     ///< one of the paths that were named
  Timestamp began;            ///< when the scan of its directory began
  /// Files that are read: the version in the parent snapshot, if any. Directories: its old tree.
  std::unique_ptr<Node> old;
  std::optional<Reference> old_tree;
  std::unique_ptr<StreamedFile> stream;
  std::future<Segment> first_segment;
  Finding problem;
};

/// Some events, and the contents of the small files among them, being read meanwhile.
struct WalkUnit {
  std::vector<WalkEvent> events;
  std::future<ReadBatch> batch;
  bool has_batch = false;
};

/// Walks the sources with a few directories scanned ahead, starts the reading of changed files, and
/// gives the events out in order. Runs in a thread of its own; scanning and reading run as tasks.
/// Memory: of each directory on the way down, and of at most four a level ahead of them, some 256
/// KiB of names and as much of scanned entries, of those on the way down twice; units of about 1
/// MiB.
class Walk {
 public:
  /// Takes a unit; false: stop.
  using Emit = std::function<bool(WalkUnit)>;
  Walk(const BackupOptions& options, const ChangeRule& rule, CutRule cut, TaskGroup& tasks,
       Emit emit)
      : options_(options), rule_(rule), cut_(cut), tasks_(tasks), emit_(std::move(emit)) {}
  /// A walk that opens no regular file: all of them are `complete`, without content.
  Walk(const BackupOptions& options, const ChangeRule& rule, TaskGroup& tasks, Emit emit)
      : options_(options), rule_(rule), tasks_(tasks), emit_(std::move(emit)) {}

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
  bool is_other_mount(const Visit& visit, const ScannedEntry& entry) const;
  bool leads_to_named(const std::string& path) const;
  void read_ignore_files(Frame& frame, const GitIgnores& around);
  void scan_ahead(Frame& frame);
  void step_into(std::vector<std::unique_ptr<Frame>>& stack, Frame& frame);

  void add_event(WalkEvent event);
  void push_event(WalkEvent event);
  bool is_unit_full() const;
  void add_small_file(WalkEvent event, SmallFileJob job);
  void add_problem(const std::string& path, const std::string& code, const std::string& message,
                   Finding::Weight weight = Finding::Weight::partial);
  void flush();

  const BackupOptions& options_;
  const ChangeRule& rule_;
  const std::optional<CutRule> cut_;  // none: nothing is read
  TaskGroup& tasks_;
  Emit emit_;
  std::set<std::string> named_;  // recorded paths of the sources
  WalkUnit unit_;
  std::size_t unit_bytes_ = 0;  // of its events
  std::vector<SmallFileJob> jobs_;
  std::uint64_t job_bytes_ = 0;
  bool is_stopped_ = false;
};

}  // namespace coppice
