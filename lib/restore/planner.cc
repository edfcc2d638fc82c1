#include "restore/planner.h"

#include <fcntl.h>

#include <algorithm>
#include <iterator>

#include "fs/directory.h"

namespace coppice {
namespace {

/// A file whose list of chunks is stored apart counts as one chunk for so many bytes.
constexpr std::uint64_t kAssumedChunkBytes = 64 << 10;

bool is_at_or_below(std::string_view path, std::string_view top) {
  while (top.size() > 1 && top.back() == '/') top.remove_suffix(1);
  if (top == "/") return true;
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

}  // namespace

RestorePlanner::RestorePlanner(RestoreContext& context, const OpenedTarget& target, Push push)
    : context_(context), target_(target), push_(std::move(push)), owners_(context.options) {}

void RestorePlanner::translate(Node& node) {
  owners_.apply(node);
  if (!node.has_atime) node.meta.atime = node.meta.mtime;
}

bool RestorePlanner::enter(const std::string& path, Node& node, RestoreChoice choice) {
  if (levels_.empty()) {
    enter_target(path, node, choice);
    return true;
  }
  see(node.name);
  translate(node);
  Level level;
  level.wanted = {nullptr, std::move(node.name), path, std::move(node.meta), choice};
  levels_.push_back(std::move(level));
  if (choice == RestoreChoice::beneath || ensure_made(levels_.size())) return true;
  levels_.pop_back();
  return false;
}

void RestorePlanner::enter_target(const std::string& path, Node& node, RestoreChoice choice) {
  translate(node);
  Level level;
  level.directory = std::make_shared<OutputDirectory>();
  OutputDirectory& directory = *level.directory;
  directory.path = path;
  directory.metadata = std::move(node.meta);
  directory.is_fresh = target_.is_fresh;
  directory.is_missing = target_.is_missing;
  directory.sets_metadata = choice == RestoreChoice::take &&
                            (target_.is_fresh || context_.options.overwrite != Overwrite::never);
  if (context_.options.dry_run) foresee_target(context_, directory);
  list_existing(level);
  levels_.push_back(std::move(level));
}

OutputDirectoryPtr RestorePlanner::ensure_made(std::size_t depth) {
  Level& level = levels_[depth - 1];
  if (level.directory) return level.directory;
  if (level.has_failed) return nullptr;
  const OutputDirectoryPtr parent = ensure_made(depth - 1);
  level.has_failed = !parent;
  if (parent) make(level, parent);
  return level.directory;
}

void RestorePlanner::make(Level& level, const OutputDirectoryPtr& parent) {
  level.wanted.parent = parent;
  try {
    level.directory = make_output_directory(context_, level.wanted);
    list_existing(level);
  } catch (const Error& error) {  // per item: all beneath it cannot be restored
    if (ends_restore(error)) throw;
    level.has_failed = true;
    level.directory = nullptr;
    context_.findings.partial(
        "write_failed", level.wanted.path,
        std::string("the directory and all beneath it was left out: ") + error.what());
  }
}

bool RestorePlanner::may_remove_extra(const std::string& path) const {
  const auto& tops = context_.options.backed_up_paths;
  return context_.options.delete_extra &&
         std::any_of(tops.begin(), tops.end(),
                     [&](const std::string& top) { return is_at_or_below(path, top); });
}

void RestorePlanner::list_existing(Level& level) {
  if (level.directory->is_fresh || !may_remove_extra(level.directory->path)) return;
  const SharedFd shared = context_.directories.open(level.directory);
  // A descriptor of its own: reading moves the position.
  const Fd fd = open_at(shared->get(), ".", O_RDONLY | O_DIRECTORY);
  for (DirEntry& entry : read_directory(fd.get())) level.existing.push_back(std::move(entry.name));
  level.removes_extra = true;
}

void RestorePlanner::see(const std::string& name) {
  if (context_.options.delete_extra) levels_.back().seen.push_back(name);
}

void RestorePlanner::entry(const std::string& path, Node& node) {
  see(node.name);
  const OutputDirectoryPtr directory = ensure_made(levels_.size());
  if (!directory) {  // reported with the directory
    context_.counters.files_skipped.add();
    return context_.meter.add_file(node.meta.size);
  }
  translate(node);
  window_places_ += node.content.reference ? node.meta.size / kAssumedChunkBytes + 1
                                           : node.content.extents.size();
  window_bytes_ += node.meta.size;
  PlannedEntry entry;
  entry.directory = directory;
  entry.node = std::move(node);
  entry.path = path;
  add_link(entry);
  window_.entries.push_back(std::move(entry));
  flush_if_full();
}

void RestorePlanner::add_link(PlannedEntry& entry) {
  const Metadata& meta = entry.node.meta;
  if (!entry.node.is_hard_link()) return;
  const auto key = std::make_pair(meta.device, meta.inode);
  KnownFile& file = linked_files_[key];
  entry.is_first_name = file.source == nullptr;
  if (entry.is_first_name) {
    file.source = std::make_shared<LinkSource>();
    file.source->directory = entry.directory;
    file.source->name = entry.node.name;
    file.source->path = entry.path;
  }
  entry.link = file.source;
  if (++file.names >= meta.links) linked_files_.erase(key);
}

void RestorePlanner::leave(bool is_whole) {
  Level& level = levels_.back();
  if (level.directory) {
    if (is_whole && level.removes_extra) {
      std::vector<std::string> extras;
      std::set_difference(level.existing.begin(), level.existing.end(), level.seen.begin(),
                          level.seen.end(), std::back_inserter(extras));
      for (std::string& name : extras) {
        window_.extras.push_back({level.directory, std::move(name)});
      }
    }
    window_.left.push_back(level.directory);
  }
  levels_.pop_back();
  flush_if_full();
}

void RestorePlanner::flush_if_full() {
  const RestoreWindow& limit = context_.options.window;
  if (window_.entries.size() + window_.left.size() >= limit.entries ||
      window_places_ >= limit.chunk_places || window_bytes_ >= limit.content_bytes) {
    flush();
  }
}

void RestorePlanner::flush() {
  push_(std::exchange(window_, {}));
  window_places_ = 0;
  window_bytes_ = 0;
}

void RestorePlanner::finish() { flush(); }

}  // namespace coppice
