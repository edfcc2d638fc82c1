#include "backup/scan.h"

#include <dirent.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "base/error.h"
#include "fs/directory.h"
#include "fs/mount_info.h"
#include "fs/open_source.h"
#include "snapshot/tree_reader.h"

namespace coppice {
namespace {

constexpr std::int64_t kUnsettledSeconds = 60;
/// Smaller new files are not worth reading the old directory twice.
constexpr std::uint64_t kMinSimilarBytes = 64 << 10;
/// A dump a day is the next version of yesterday's; a hundred new pictures are no versions of the
/// last old one, and trying costs as much as storing them.
constexpr std::size_t kMaxAlike = 8;

/// Walks the parent snapshot's nodes beside the sorted names.
class OldNodes {
 public:
  OldNodes(const ChangeRule& rule, const std::optional<Reference>& tree) {
    if (!tree) return;
    try {
      cursor_.emplace(*rule.source, *tree);
      current_ = cursor_->next();
    } catch (const Error&) {  // per item: a damaged old tree only means that everything below is
                              // read again
      current_ = nullptr;
    }
  }

  /// The node of that name, moved out; null if there is none. Names must ascend.
  std::unique_ptr<Node> take(const std::string& name) {
    try {
      while (current_ != nullptr && current_->name < name) current_ = cursor_->next();
      if (current_ == nullptr || current_->name != name) return nullptr;
      auto node = std::make_unique<Node>(std::move(*current_));
      current_ = cursor_->next();
      return node;
    } catch (const Error&) {  // as above
      current_ = nullptr;
      return nullptr;
    }
  }

 private:
  std::optional<TreeCursor> cursor_;
  Node* current_ = nullptr;
};

bool is_content_stored(const ChangeRule& rule, const Node& node) {
  for (const ContentExtent& extent : node.content.extents) {
    if (!extent.is_hole && !rule.index->is_stored(extent.id)) return false;
  }
  if (!node.content.reference) return true;
  try {
    const auto is_stored = [&](const Id& id, std::uint8_t) { return rule.index->is_stored(id); };
    if (!walk_reference(*rule.source, *node.content.reference, is_stored)) return false;
    ContentCursor cursor(*rule.source, node);
    while (const ContentExtent* extent = cursor.next()) {
      if (!extent->is_hole && !rule.index->is_stored(extent->id)) return false;
    }
    return true;
  } catch (
      const Error&) {  // per item: what cannot be read is not stored, and the file is read again
    return false;
  }
}

bool is_same_entry(const ChangeRule& rule, const Node& old, const Metadata& now,
                   bool inodes_are_stable) {
  if (old.unsettled || old.incomplete || old.meta.type != now.type) return false;
  if (!rule.ignore_ctime && old.meta.ctime != now.ctime) return false;
  if (old.meta.mtime != now.mtime) return false;
  if (!rule.ignore_inode && inodes_are_stable && old.meta.inode != now.inode) return false;
  return now.type != FileType::regular || old.meta.size == now.size;
}

/// Takes over from the old node what statx does not tell; ctime unchanged says that it is
/// unchanged.
void adopt_extended(Metadata& now, const Node& old) {
  now.flags = old.meta.flags;
  now.project_id = old.meta.project_id;
  now.xattrs = old.meta.xattrs;
  now.symlink_target = old.meta.symlink_target;
}

void compare(const ChangeRule& rule, ScannedEntry& entry, OldNodes& old_nodes,
             bool inodes_are_stable) {
  entry.old = old_nodes.take(entry.name);
  if (!entry.old) return;
  if (entry.old->meta.type != entry.metadata.type) {
    entry.old.reset();
    return;
  }
  entry.is_unchanged = is_same_entry(rule, *entry.old, entry.metadata, inodes_are_stable) &&
                       is_content_stored(rule, *entry.old);
  if (entry.is_unchanged) adopt_extended(entry.metadata, *entry.old);
}

/// An entry that vanished between listing and statx is none.
void add_entry(const ChangeRule& rule, ScannedDirectory& scanned, std::string name,
               OldNodes& old_nodes, bool inodes_are_stable) {
  ScannedEntry entry;
  entry.name = std::move(name);
  errno = 0;
  try {
    auto metadata = try_stat_at(scanned.handle->get(), entry.name.c_str());
    if (!metadata) return;
    entry.metadata = std::move(*metadata);
    compare(rule, entry, old_nodes, inodes_are_stable);
  } catch (const Error&) {  // per item
    entry.errno_value = errno != 0 ? errno : EIO;
  }
  scanned.entries.push_back(std::move(entry));
}

/// Runs of digits count as one: so names with dates and numbers are alike.
std::string without_numbers(const std::string& name) {
  std::string alike;
  for (const char c : name) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) alike += c;
    if (is_digit && (alike.empty() || alike.back() != '0')) alike += '0';
  }
  return alike;
}

/// New files that are worth a second look at the old directory.
std::vector<ScannedEntry*> new_large_files(std::vector<ScannedEntry>& entries) {
  std::vector<ScannedEntry*> found;
  for (ScannedEntry& entry : entries) {
    const bool is_new_file =
        !entry.old && entry.errno_value == 0 && entry.metadata.type == FileType::regular;
    if (is_new_file && entry.metadata.size >= kMinSimilarBytes) found.push_back(&entry);
  }
  return found;
}

/// New files by what their names have in common; of names that many new files share, none.
std::unordered_map<std::string, std::vector<ScannedEntry*>> by_alike_names(
    const std::vector<ScannedEntry*>& files) {
  std::unordered_map<std::string, std::vector<ScannedEntry*>> alike;
  for (ScannedEntry* file : files) alike[without_numbers(file->name)].push_back(file);
  std::erase_if(alike, [](const auto& group) { return group.second.size() > kMaxAlike; });
  return alike;
}

/// Finds for new files what they are likely to be the next version of: the file that had their
/// inode, or else the last one whose name differs in numbers only.
void find_similar(const ChangeRule& rule, const std::optional<Reference>& old_tree,
                  bool inodes_are_stable, std::vector<ScannedEntry>& entries) {
  const std::vector<ScannedEntry*> wanted = new_large_files(entries);
  if (wanted.empty() || !old_tree) return;
  const auto alike = by_alike_names(wanted);
  std::unordered_map<std::uint64_t, ScannedEntry*> by_inode;
  if (inodes_are_stable) {
    for (ScannedEntry* entry : wanted) by_inode.emplace(entry->metadata.inode, entry);
  }
  std::unordered_map<std::string, Node> latest;  // by what names have in common
  try {
    TreeCursor cursor(*rule.source, *old_tree);
    while (Node* node = cursor.next()) {
      if (node->meta.type != FileType::regular || node->meta.size == 0) continue;
      const auto same = by_inode.find(node->meta.inode);
      if (same != by_inode.end()) same->second->similar = std::make_unique<Node>(*node);
      std::string name = without_numbers(node->name);
      if (alike.contains(name)) latest[std::move(name)] = std::move(*node);
    }
  } catch (const Error& error) {  // per item: what is left has no older version
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
  }
  for (const auto& [name, node] : latest) {
    for (ScannedEntry* entry : alike.at(name)) {
      if (!entry->similar) entry->similar = std::make_unique<Node>(node);
    }
  }
}

}  // namespace

bool is_unsettled(const Metadata& metadata, Timestamp began) {
  const Timestamp limit{began.seconds - kUnsettledSeconds, began.nanoseconds};
  return metadata.ctime >= limit;
}

ScannedDirectory scan_directory(const ChangeRule& rule, const DirectoryHandle& parent,
                                const std::string& name, const std::optional<Reference>& old_tree) {
  ScannedDirectory scanned;
  scanned.began = rule.clock->now();
  const char* entry_name = name.empty() ? "." : name.c_str();
  OpenResult opened = try_open_source_at(parent->get(), entry_name, FileType::directory);
  if (opened.errno_value != 0) {
    scanned.errno_value = opened.errno_value;
    return scanned;
  }
  scanned.handle = std::make_shared<const Fd>(std::move(opened.fd));
  try {
    const int fd = scanned.handle->get();
    scanned.is_pseudo = is_pseudo_file_system(fd);
    if (scanned.is_pseudo) return scanned;
    const bool inodes_are_stable = has_stable_inodes(fd);
    OldNodes old_nodes(rule, old_tree);
    std::vector<DirEntry> entries = read_directory(fd);
    scanned.entries.reserve(entries.size());
    for (DirEntry& entry : entries) {
      add_entry(rule, scanned, std::move(entry.name), old_nodes, inodes_are_stable);
    }
    find_similar(rule, old_tree, inodes_are_stable, scanned.entries);
  } catch (const Error&) {  // per item: what was listed so far is kept, the rest is reported as
                            // unreadable
    scanned.errno_value = EIO;
  }
  return scanned;
}

ScannedDirectory scan_source(const ChangeRule& rule, DirectoryHandle directory,
                             const std::string& live_name, const std::string& recorded_name,
                             const std::optional<Reference>& old_tree) {
  ScannedDirectory scanned;
  scanned.began = rule.clock->now();
  scanned.handle = std::move(directory);
  ScannedEntry entry;
  entry.name = recorded_name;
  errno = 0;
  try {
    entry.metadata = stat_at(scanned.handle->get(), live_name.c_str());
    OldNodes old_nodes(rule, old_tree);
    if (!recorded_name.empty())
      compare(rule, entry, old_nodes, has_stable_inodes(scanned.handle->get()));
  } catch (const Error&) {  // per item; stat_at's words are not more than "missing" to most people
    entry.errno_value = errno != 0 ? errno : ENOENT;
  }
  scanned.entries.push_back(std::move(entry));
  return scanned;
}

}  // namespace coppice
