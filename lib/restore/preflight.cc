#include "restore/preflight.h"

#include <fcntl.h>

#include <cerrno>

#include "base/units.h"
#include "fs/mount_info.h"
#include "restore/link_map.h"

namespace coppice {
namespace {

constexpr std::uint64_t kDiskBlock = 4 * kKiB;

constexpr std::uint64_t on_disk(std::uint64_t bytes) {
  return (bytes + kDiskBlock - 1) / kDiskBlock * kDiskBlock;
}

/// Names of files with several names: only the first one needs room.
class FirstNames {
 public:
  bool is_first(const Node& node) {
    if (!node.is_hard_link()) return true;
    const LinkKey key{node.meta.device, node.meta.inode};
    const std::uint32_t names = ++names_.find_or_add(key);
    if (names >= node.meta.links) names_.erase(key);
    return names == 1;
  }

 private:
  static constexpr std::size_t kHeapBytes = 1 << 20;
  LinkMap<std::uint32_t> names_{kHeapBytes};
};

class NeedsVisitor final : public TreeVisitor {
 public:
  NeedsVisitor(MetadataSource& trees, const Index& index, SharedFindings& findings)
      : trees_(trees), index_(index), findings_(findings) {}

  bool enter(const std::string&, Node&, RestoreChoice) override {
    ++needs.entries;
    return true;
  }
  void entry(const std::string& path, Node& node) override;
  void leave(bool) override {}

  RestoreNeeds needs;

 private:
  void add_content(const std::string& path, const Node& node, bool is_first);

  MetadataSource& trees_;
  const Index& index_;
  SharedFindings& findings_;
  FirstNames first_names_;
};

void NeedsVisitor::entry(const std::string& path, Node& node) {
  ++needs.files;
  const bool is_first = first_names_.is_first(node);
  if (is_first) ++needs.entries;
  if (node.meta.type != FileType::regular) return;
  needs.bytes += node.meta.size;
  try {
    add_content(path, node, is_first);
  } catch (const Error& error) {  // per item
    if (ends_restore(error)) throw;
    findings_.report_once({Finding::Weight::damaged, "content_damaged", path,
                           std::string("the list of its chunks cannot be read: ") + error.what()});
  }
}

void NeedsVisitor::add_content(const std::string& path, const Node& node, bool is_first) {
  std::uint64_t data_bytes = 0;
  std::uint64_t missing_chunks = 0;
  std::uint64_t missing_bytes = 0;
  ContentCursor extents(trees_, node);
  while (const ContentExtent* extent = extents.next()) {
    if (extent->is_hole) continue;
    data_bytes += extent->length;
    if (index_.find_first(extent->id)) continue;
    ++missing_chunks;
    missing_bytes += extent->length;
  }
  if (is_first) needs.disk_bytes += on_disk(data_bytes);
  if (missing_chunks == 0) return;
  findings_.report_once({Finding::Weight::damaged, "content_damaged", path,
                         std::to_string(missing_chunks) + " of its chunks (" +
                             format_size(missing_bytes) + ") are missing in the repository"});
}

/// Adds up the room that existing files of the target have taken already, for those that will be
/// there afterwards.
class ReuseVisitor final : public TreeVisitor {
 public:
  explicit ReuseVisitor(Fd target) { directories_.push_back(std::move(target)); }

  bool enter(const std::string&, Node& node, RestoreChoice) override;
  void entry(const std::string&, Node& node) override;
  void leave(bool) override { directories_.pop_back(); }

  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;

 private:
  std::vector<Fd> directories_;  // first the target, then once more what stands for it
};

bool ReuseVisitor::enter(const std::string&, Node& node, RestoreChoice) {
  const char* name = node.name.empty() ? "." : node.name.c_str();
  OpenResult directory =
      try_open_at(directories_.back().get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory.fd.is_open()) return false;
  ++entries;
  directories_.push_back(std::move(directory.fd));
  return true;
}

void ReuseVisitor::entry(const std::string&, Node& node) {
  const auto existing = try_stat_at(directories_.back().get(), node.name.c_str());
  if (!existing || existing->type != node.meta.type) return;
  ++entries;
  bytes += std::min(existing->allocated, on_disk(node.meta.size));
}

/// The target, or the nearest directory above it that exists.
Fd open_nearest(std::string path) {
  for (;;) {
    OpenResult found = try_open_at(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY);
    if (found.fd.is_open()) return std::move(found.fd);
    if (found.errno_value != ENOENT || path == "/" || path == ".") {
      throw call_error("open target", path.c_str(), found.errno_value);
    }
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const std::size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  }
}

bool is_short(const FreeSpace& free, std::uint64_t bytes, std::uint64_t entries) {
  return (free.bytes && *free.bytes < bytes) || (free.inodes && *free.inodes < entries);
}

constexpr std::uint64_t less(std::uint64_t from, std::uint64_t amount) {
  return from - std::min(from, amount);
}

}  // namespace

RestoreNeeds find_needs(const WantedTree& wanted, const Index& index, SharedFindings& findings) {
  NeedsVisitor visitor(wanted.trees, index, findings);
  walk_wanted(wanted, visitor, findings);
  return visitor.needs;
}

void expect_space(const RestoreNeeds& needs, const WantedTree& wanted, const std::string& target,
                  SharedFindings& findings) {
  const FreeSpace free = free_space(open_nearest(target).get());
  if (!is_short(free, needs.disk_bytes, needs.entries)) return;
  std::uint64_t bytes = needs.disk_bytes;
  std::uint64_t entries = needs.entries;
  OpenResult existing = try_open_at(AT_FDCWD, target.c_str(), O_PATH | O_DIRECTORY);
  if (existing.fd.is_open()) {
    ReuseVisitor visitor(std::move(existing.fd));
    walk_wanted(wanted, visitor, findings);
    bytes = less(bytes, visitor.bytes);
    entries = less(entries, visitor.entries);
    if (!is_short(free, bytes, entries)) return;
  }
  throw Error(ErrorKind::no_space,
              target + ": the restore needs " + format_size(bytes) + " and " +
                  std::to_string(entries) + " inodes, but " + format_size(free.bytes.value_or(0)) +
                  " and " + (free.inodes ? std::to_string(*free.inodes) : "any number of") +
                  " inodes are free; nothing was restored (--no-space-check overrides)");
}

}  // namespace coppice
