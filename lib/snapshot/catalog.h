#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "snapshot/snapshot_record.h"

/// Which snapshots there are, and which one a word on the command line means (docs/cli.md,
/// section Commands).
namespace coppice {

/// A snapshot as the log tells of it.
struct ListedSnapshot {
  Id id;
  std::uint64_t number = 0;  ///< of its log entry: the order of receipt
  bool is_forgotten = false;
  SlotId slot;                    ///< the signer of its log entry
  SnapshotRecord record;          ///< as signed
  std::vector<std::string> tags;  ///< today: record.tags with what the log added and removed

  /// True if "latest" may mean it: an old one stored today by --time or import is not the latest.
  bool can_be_latest() const { return !record.is_time_given && !record.is_imported; }
};

/// `tags` without `removed`, then those of `added` that are not among them yet.
std::vector<std::string> changed_tags(std::vector<std::string> tags,
                                      std::span<const std::string> added,
                                      std::span<const std::string> removed);

/// What --host, --tag and --path ask for; an empty list asks for nothing.
struct SnapshotFilter {
  std::vector<std::string> hosts;  ///< any of them
  /// Any of these lists; of a list all tags. A list of one empty text asks for no tags at all.
  std::vector<std::vector<std::string>> tags;
  std::vector<std::string> paths;  ///< all of them, as backed up
  bool with_forgotten = false;

  bool is_match(const ListedSnapshot& snapshot) const;
};

/// "SNAPSHOT:PATH" taken apart.
struct SnapshotPath {
  std::string snapshot;
  std::optional<std::string> path;  ///< absolute
};
/// Cuts at the first colon; without one there is no path. Throws Error{usage} for an empty snapshot
/// or a path that is not absolute.
SnapshotPath split_snapshot_path(std::string_view word);

/// What a name means depends on these.
struct NameContext {
  SnapshotFilter filter;  ///< restricts "latest" and "latest~N"; for ids only with_forgotten counts
  std::string this_host;
  /// For "latest:/path": true if the snapshot has what is wanted. Called for the newest first, no
  /// more often than needed. May be empty.
  std::function<bool(const ListedSnapshot&)> contains = {};
};

/// The snapshots of a repository by order of receipt. Immutable, so threads may share it.
class Catalog {
 public:
  /// In any order. Of several with one id (copied twice) the one that is not forgotten stands,
  /// of those the newest. Not complete: there may be more, of which the log cannot tell now.
  explicit Catalog(std::vector<ListedSnapshot> snapshots, bool is_complete = true);

  /// All, forgotten ones too, oldest first.
  const std::vector<ListedSnapshot>& all() const { return snapshots_; }
  /// Those that match, oldest first. The pointers live as long as the catalog.
  std::vector<const ListedSnapshot*> select(const SnapshotFilter& filter) const;
  /// Null if there is none.
  const ListedSnapshot* find(const Id& id) const;
  bool is_complete() const { return is_complete_; }

  /// The snapshot that is meant by an id prefix, "latest" or "latest~N". Throws Error{usage} if
  /// the word is none of these or several are meant (the message lists them), Error{failed} if
  /// there is no such snapshot (the message says what to do), Error{damaged} if it may only be
  /// unreadable: there is none at all, or none with this id, and the catalog is not complete.
  const ListedSnapshot& resolve(std::string_view name, const NameContext& context) const;

 private:
  const ListedSnapshot& resolve_prefix(const std::string& prefix, bool with_forgotten) const;
  const ListedSnapshot& resolve_latest(std::uint64_t back, const NameContext& context) const;

  std::vector<ListedSnapshot> snapshots_;
  bool is_complete_;
};

}  // namespace coppice
