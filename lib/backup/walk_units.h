#pragma once
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/streamed_file.h"
#include "base/finding.h"
#include "snapshot/node.h"
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
  /// shared_ptr: whoever gathers fails or stops while a task reads, and drops the event.
  std::shared_ptr<StreamedFile> stream;
  std::future<Segment> first_segment;
  Finding problem;
};

/// Has the next segment read by the pool.
std::future<Segment> submit_segment(TaskGroup& tasks, std::shared_ptr<StreamedFile> stream);

/// Some events, and the contents of the small files among them, being read meanwhile.
struct WalkUnit {
  std::vector<WalkEvent> events;
  std::future<ReadBatch> batch;
  bool has_batch = false;
};

/// Gathers the walk's events into units, and starts the reading of their small files. Not
/// thread-safe. Memory: one unit of about 1 MiB.
class WalkUnits {
 public:
  /// Takes a unit; false: stop.
  using Emit = std::function<bool(WalkUnit)>;

  /// `cut` may be none if no small file is ever added.
  WalkUnits(std::optional<CutRule> cut, TaskGroup& tasks, Emit emit)
      : cut_(cut), tasks_(tasks), emit_(std::move(emit)) {}

  void add(WalkEvent event);
  void add_small_file(WalkEvent event, SmallFileJob job);
  void add_problem(const std::string& path, const std::string& code, const std::string& message,
                   Finding::Weight weight = Finding::Weight::partial);
  /// Gives out what there is, also if it is little.
  void flush();
  /// True once a unit was refused.
  bool is_stopped() const { return is_stopped_; }

 private:
  void push(WalkEvent event);
  bool is_full() const;

  const std::optional<CutRule> cut_;
  TaskGroup& tasks_;
  Emit emit_;
  WalkUnit unit_;
  std::size_t unit_bytes_ = 0;  // of its events
  std::vector<SmallFileJob> jobs_;
  std::uint64_t job_bytes_ = 0;
  bool is_stopped_ = false;
};

}  // namespace coppice
