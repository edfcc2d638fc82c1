#include "restore/planner.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

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
  level.wanted = {nullptr, std::move(node.name), std::move(node.meta), choice};
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
  directory.target_path = path;
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
        "write_failed", join_path(parent->path(), level.wanted.name),
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
  if (level.directory->is_fresh || !may_remove_extra(level.directory->path())) return;
  const SharedFd shared = context_.directories.open(level.directory);
  // A descriptor of its own: reading moves the position.
  const Fd fd = open_at(shared->get(), ".", O_RDONLY | O_DIRECTORY);
  level.existing = DirectoryNames(fd.get());
  level.removes_extra = true;
}

void RestorePlanner::see(const std::string& name) {
  Level& level = levels_.back();
  // Of a directory that is still to be made nobody knows yet.
  if (context_.options.delete_extra && (level.removes_extra || !level.directory))
    level.seen.append(std::span(name.c_str(), name.size() + 1));
}

void RestorePlanner::entry(const std::string&, Node& node) {
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
  if (entry.node.is_hard_link()) links_.take(entry, window_number_);
  window_memory_ += sizeof entry + memory_of(entry.node);
  window_.entries.push_back(std::move(entry));
  flush_if_full();
}

/// Names of the target that the snapshot does not have.
void RestorePlanner::add_extras(const Level& level) {
  const char* seen = level.seen.begin();
  for (std::size_t i = 0; i < level.existing.size(); ++i) {
    const std::string_view name = level.existing[i];
    while (seen != level.seen.end() && seen < name) seen += std::strlen(seen) + 1;
    if (seen != level.seen.end() && seen == name) continue;
    window_.extras.push_back({level.directory, std::string(name)});
    window_memory_ += sizeof(ExtraEntry) + name.size();
    flush_if_full();
  }
}

void RestorePlanner::leave(bool is_whole) {
  Level& level = levels_.back();
  if (level.directory) {
    if (is_whole && level.removes_extra) add_extras(level);
    window_.left.push_back(level.directory);
    window_memory_ += sizeof(OutputDirectory) + level.directory->name.size();
  }
  levels_.pop_back();
  flush_if_full();
}

void RestorePlanner::flush_if_full() {
  const RestoreWindow& limit = context_.options.window;
  if (window_.entries.size() + window_.left.size() + window_.extras.size() >= limit.entries ||
      window_places_ >= limit.chunk_places || window_bytes_ >= limit.content_bytes ||
      window_memory_ >= limit.memory_bytes) {
    flush();
  }
}

void RestorePlanner::flush() {
  push_(std::exchange(window_, {}));
  ++window_number_;
  window_places_ = 0;
  window_bytes_ = 0;
  window_memory_ = 0;
  links_.put_away(context_.windows_done.with([](std::uint64_t done) { return done; }));
}

void RestorePlanner::finish() { flush(); }

}  // namespace coppice
