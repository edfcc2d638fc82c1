#pragma once
#include <functional>
#include <vector>

#include "fs/directory.h"
#include "restore/directory_maker.h"
#include "restore/link_table.h"
#include "restore/owners.h"
#include "restore/planned_window.h"
#include "restore/restore_context.h"
#include "restore/tree_walk.h"

namespace coppice {

/// Turns the walk of a snapshot into windows: makes directories as they are entered (they must
/// stand before what is in them is restored), and hands on entries, names that the snapshot does
/// not have, and directories that are left. Memory: one window; in scratch memory beyond some
/// bound, the names in the directories on the way down if extra entries are to be removed, and
/// files of whose names some are still to come. One thread owns it.
class RestorePlanner final : public TreeVisitor {
 public:
  /// Takes a full window.
  using Push = std::function<void(PlannedWindow)>;
  RestorePlanner(RestoreContext& context, const OpenedTarget& target, Push push);

  bool enter(const std::string& path, Node& node, RestoreChoice choice) override;
  void entry(const std::string& path, Node& node) override;
  void leave(bool is_whole) override;
  /// Hands on what is left; after the walk.
  void finish();

 private:
  struct Level {
    std::shared_ptr<OutputDirectory> directory;  // null until something in it is restored
    WantedDirectory wanted;
    bool has_failed = false;
    bool removes_extra = false;
    ScratchVector<char> seen{kSeenBytes};  // names that the snapshot has, each with a NUL …
    DirectoryNames existing;               // … and the target had; both ascend
  };
  static constexpr std::size_t kSeenBytes = 64 << 10;

  void enter_target(const std::string& path, Node& node, RestoreChoice choice);
  /// Makes the directories on the way down to `depth`. Null if one could not be made.
  OutputDirectoryPtr ensure_made(std::size_t depth);
  void make(Level& level, const OutputDirectoryPtr& parent);
  void list_existing(Level& level);
  bool may_remove_extra(const std::string& path) const;
  void translate(Node& node);
  void see(const std::string& name);
  void add_extras(const Level& level);
  void flush_if_full();
  void flush();

  RestoreContext& context_;
  const OpenedTarget& target_;
  Push push_;
  OwnerRules owners_;
  std::vector<Level> levels_;
  LinkTable links_;
  std::uint64_t window_number_ = 0;
  PlannedWindow window_;
  std::uint64_t window_places_ = 0;
  std::uint64_t window_bytes_ = 0;
  std::size_t window_memory_ = 0;
};

}  // namespace coppice
