#include "backup/scan.h"

#include <dirent.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "backup/similar_nodes.h"
#include "base/error.h"
#include "fs/device.h"
#include "fs/directory.h"
#include "fs/mount_info.h"
#include "fs/open_source.h"
#include "snapshot/tree_reader.h"

namespace coppice {
namespace {

constexpr std::int64_t kUnsettledSeconds = 60;
/// Of a large directory so much is scanned at one time …
constexpr std::size_t kSliceBytes = 256 << 10;
/// … and so often it is searched for older versions of what is new.
constexpr int kMaxSearches = 8;

/// Walks the parent snapshot's nodes beside the sorted names.
class OldNodes {
 public:
  OldNodes(const ChangeRule& rule, const OldTree& old)
      : index_(rule.index), are_of_this_place_(old.is_of_this_place) {
    if (!old.tree) return;
    try {
      cursor_.emplace(*rule.source, *old.tree);
      advance();
    } catch (const Error&) {  // per item: a damaged old tree only means that everything below is
                              // read again
      current_ = nullptr;
    }
  }

  bool are_of_this_place() const { return are_of_this_place_; }

  /// The node of that name, moved out; null if there is none. Names must ascend.
  std::unique_ptr<Node> take(const std::string& name) {
    try {
      while (current_ != nullptr && current_->name < name) advance();
      if (current_ == nullptr || current_->name != name) return nullptr;
      auto node = std::make_unique<Node>(std::move(*current_));
      advance();
      return node;
    } catch (const Error&) {  // as above
      current_ = nullptr;
      return nullptr;
    }
  }

 private:
  /// The next node's chunks come from memory while this one's are compared.
  void advance() {
    current_ = cursor_->next();
    if (current_ == nullptr) return;
    for (const ContentExtent& extent : current_->content.extents) {
      if (!extent.is_hole) index_->expect(extent.id);
    }
  }

  const Index* index_;  // null: there are no old nodes
  bool are_of_this_place_;
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
  std::unique_ptr<Node> old = old_nodes.take(entry.name);
  if (!old || old->meta.type != entry.metadata.type) return;
  if (!old_nodes.are_of_this_place()) {
    entry.similar = std::move(old);
    return;
  }
  entry.old = std::move(old);
  // No time tells whether the content of the others has changed.
  entry.is_unchanged = entry.kind == ContentKind::file &&
                       is_same_entry(rule, *entry.old, entry.metadata, inodes_are_stable) &&
                       is_content_stored(rule, *entry.old);
  if (entry.is_unchanged) adopt_extended(entry.metadata, *entry.old);
}

/// Turns what was named, if it is a device or leads to one, into the file that its content makes.
void take_device_as_file(int directory, const char* name, ScannedEntry& entry) {
  const std::optional<Metadata> device = try_stat_device_at(directory, name);
  if (!device) return;
  entry.kind = ContentKind::device;
  entry.metadata = *device;
  entry.metadata.type = FileType::regular;
  entry.metadata.rdev = 0;
  entry.metadata.links = 1;
}

/// What an entry keeps in memory, about.
std::size_t bytes_of(const ScannedEntry& entry) {
  return sizeof entry + entry.name.capacity() + (entry.old ? memory_of(*entry.old) : 0);
}

}  // namespace

Node node_of(ScannedEntry& entry, Timestamp began) {
  Node node;
  node.name = entry.name;
  node.meta = std::move(entry.metadata);
  node.unsettled = is_unsettled(node.meta, began);
  return node;
}

bool is_unsettled(const Metadata& metadata, Timestamp began) {
  const Timestamp limit{began.seconds - kUnsettledSeconds, began.nanoseconds};
  return metadata.ctime >= limit;
}

OldTree old_tree_of(const ScannedEntry& entry) {
  if (entry.old) return {entry.old->subtree};
  if (entry.similar) return {entry.similar->subtree, false};
  return {};
}

/// A directory while it is scanned.
struct DirectoryScan::State {
  State(const ChangeRule& rule_in, DirectoryHandle handle_in, const OldTree& old_in)
      : rule(rule_in),
        old(old_in),
        handle(std::move(handle_in)),
        inodes_are_stable(has_stable_inodes(handle->get())),
        old_nodes(rule, old),
        names(handle->get()) {}

  std::vector<ScannedEntry> next();
  std::optional<ScannedEntry> look_at(std::string_view name);
  void find_similar(std::vector<ScannedEntry>& entries);

  const ChangeRule& rule;
  const OldTree old;
  const DirectoryHandle handle;
  const bool inodes_are_stable;
  OldNodes old_nodes;
  const DirectoryNames names;
  std::size_t next_name = 0;
  int searches_left = kMaxSearches;  // for what is similar
};

std::vector<ScannedEntry> DirectoryScan::State::next() {
  std::vector<ScannedEntry> entries;
  std::size_t bytes = 0;
  while (next_name < names.size() && bytes < kSliceBytes) {
    std::optional<ScannedEntry> entry = look_at(names[next_name++]);
    if (!entry) continue;
    bytes += bytes_of(*entry);
    entries.push_back(std::move(*entry));
  }
  find_similar(entries);
  return entries;
}

/// An entry that vanished between listing and statx is none.
std::optional<ScannedEntry> DirectoryScan::State::look_at(std::string_view name) {
  ScannedEntry entry;
  entry.name = name;
  errno = 0;
  try {
    auto metadata = try_stat_at(handle->get(), entry.name.c_str());
    if (!metadata) return std::nullopt;
    entry.metadata = std::move(*metadata);
    compare(rule, entry, old_nodes, inodes_are_stable);
  } catch (const Error&) {  // per item
    entry.errno_value = errno != 0 ? errno : EIO;
  }
  return entry;
}

/// Finds for new files and directories what they are likely to be the next version of: what had
/// their inode, or else the last one whose name differs in numbers only. Each search reads the
/// whole old directory, so a large one that is mostly new gets a few.
void DirectoryScan::State::find_similar(std::vector<ScannedEntry>& entries) {
  if (!old.tree || searches_left == 0) return;
  SimilarNodes wanted(entries, inodes_are_stable);
  if (wanted.is_empty()) return;
  --searches_left;
  try {
    TreeCursor cursor(*rule.source, *old.tree);
    while (Node* node = wanted.has_room() ? cursor.next() : nullptr) {
      if (node->meta.type == FileType::regular && node->meta.size == 0) continue;
      wanted.see(std::move(*node));
    }
  } catch (const Error&) {  // per item: what is left has no older version
  }
  wanted.finish();
}

DirectoryScan::DirectoryScan(std::unique_ptr<State> state) : state_(std::move(state)) {}
DirectoryScan::~DirectoryScan() = default;

std::vector<ScannedEntry> DirectoryScan::next() {
  for (;;) {
    std::vector<ScannedEntry> entries = state_->next();
    if (!entries.empty() || state_->next_name == state_->names.size()) return entries;
  }
}

ScannedDirectory scan_directory(const ChangeRule& rule, const DirectoryHandle& parent,
                                const std::string& name, const OldTree& old) {
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
    scanned.is_pseudo = is_pseudo_file_system(scanned.handle->get());
    if (scanned.is_pseudo) return scanned;
    auto state = std::make_unique<DirectoryScan::State>(rule, scanned.handle, old);
    scanned.entries = state->next();
    if (state->next_name < state->names.size())
      scanned.rest = std::make_shared<DirectoryScan>(std::move(state));
  } catch (const Error&) {  // per item: the directory is reported as unreadable
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
    const int folder = scanned.handle->get();
    entry.metadata = stat_at(folder, live_name.c_str());
    if (rule.read_special) take_device_as_file(folder, live_name.c_str(), entry);
    const bool is_file = entry.metadata.type == FileType::regular;
    if (is_file && entry.kind == ContentKind::file && is_pseudo_file_system(folder)) {
      entry.kind = ContentKind::kernel_text;
    }
    OldNodes old_nodes(rule, {old_tree});
    if (!recorded_name.empty()) compare(rule, entry, old_nodes, has_stable_inodes(folder));
  } catch (const Error&) {  // per item; stat_at's words are not more than "missing" to most people
    entry.errno_value = errno != 0 ? errno : ENOENT;
  }
  scanned.entries.push_back(std::move(entry));
  return scanned;
}

}  // namespace coppice
