#include <algorithm>
#include <chrono>
#include <iterator>

#include "backup/walk.h"
#include "base/error.h"

/// Directories: what is chosen of one, which are scanned before their turn, and the way down.
namespace coppice {
namespace {

/// Directories of one level that are scanned before their turn.
constexpr std::size_t kScanAhead = 4;
/// The next entries of a large directory are taken while so many are left: directories among them
/// are to be scanned before their turn.
constexpr std::size_t kFewEntries = 32;

}  // namespace

/// A directory that is being walked: its entries from `next` on are still to come.
struct Walk::Frame {
  std::size_t path_length = 0;  // of its path, at the front of `path_`
  std::uint64_t root_device = 0;
  std::size_t source_length = 0;  // as in Visit
  ScannedEntry::Contents contents = ScannedEntry::Contents::all;
  ScannedDirectory scanned;
  GitIgnores ignores;                             // what holds in it
  std::optional<std::string> mark;                // Selection::marked_by
  std::future<std::vector<ScannedEntry>> coming;  // of a large directory: the next of its entries
  std::size_t next = 0;
  std::size_t next_ahead = 0;  // entries before this one have been considered for scanning ahead
  std::deque<std::future<ScannedDirectory>>
      ahead;  // of the next directories among the entries, in order
};

/// Adds what is chosen of them.
void Walk::add_entries(Frame& frame, std::vector<ScannedEntry> entries) const {
  std::erase_if(entries, [&](ScannedEntry& entry) {
    const auto contents = chosen_contents(frame, entry);
    if (contents) entry.contents = *contents;
    return !contents;
  });
  auto& all = frame.scanned.entries;
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(frame.next));
  frame.next_ahead -= std::min(frame.next_ahead, frame.next);
  frame.next = 0;
  if (all.empty()) return all.swap(entries);
  std::move(entries.begin(), entries.end(), std::back_inserter(all));
}

/// Has the next entries of a large directory scanned by the pool.
void Walk::scan_on(Frame& frame) {
  if (!frame.scanned.rest) return;
  frame.coming = tasks_.submit(ThreadPool::Priority::normal,
                               [rest = frame.scanned.rest] { return rest->next(); });
}

/// Takes the next entries of a large directory when their turn is near. False at the end.
bool Walk::has_entries(Frame& frame) {
  for (;;) {
    const std::size_t left = frame.scanned.entries.size() - frame.next;
    if (!frame.coming.valid() || left > kFewEntries) return left > 0;
    const bool is_scanned =
        frame.coming.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (left > 0 && !is_scanned) return true;
    std::vector<ScannedEntry> entries = frame.coming.get();
    if (entries.empty()) continue;  // that was all
    scan_on(frame);
    add_entries(frame, std::move(entries));
  }
}

/// Nothing if the entry is left out. A directory that would be, but leads to something that was
/// named, stays without anything else in it; one that is a mount point, empty.
std::optional<ScannedEntry::Contents> Walk::chosen_contents(const Frame& frame,
                                                            const ScannedEntry& entry) const {
  using Contents = ScannedEntry::Contents;
  const std::string path = path_below(path_, entry.name);
  if (named_.contains(path)) return Contents::all;
  const bool is_left_out =
      frame.contents == Contents::only_named ||
      (frame.mark ? entry.name != *frame.mark : is_excluded(frame, path, entry));
  const bool is_mount = is_other_mount(frame, entry);
  if (!is_left_out && !is_mount) return Contents::all;
  if (leads_to_named(path)) return Contents::only_named;
  const bool is_mount_point = is_mount && entry.metadata.type == FileType::directory;
  if (!is_left_out && is_mount_point) return Contents::none;
  return std::nullopt;
}

bool Walk::is_excluded(const Frame& frame, const std::string& path,
                       const ScannedEntry& entry) const {
  const Selection::EntryPath entry_path{path, frame.source_length};
  if (entry.errno_value != 0) return options_.selection.excludes_path(entry_path);
  const bool is_directory = entry.metadata.type == FileType::directory;
  return options_.selection.excludes(entry_path, frame.scanned.handle->get(), entry.name.c_str(),
                                     entry.metadata) ||
         frame.ignores.ignores(entry.name, is_directory);
}

/// Files are told by the mount alone: on overlayfs they may have another device number than the
/// directory that they lie in.
bool Walk::is_other_mount(const Frame& frame, const ScannedEntry& entry) const {
  if (!options_.one_file_system || entry.errno_value != 0) return false;
  const bool is_directory = entry.metadata.type == FileType::directory;
  return entry.metadata.is_mount_root ||
         (is_directory && entry.metadata.device != frame.root_device);
}

/// True for the directories on the way to a source.
bool Walk::leads_to_named(const std::string& path) const {
  std::string below = path;
  below += '/';
  const auto child = named_.lower_bound(below);
  return child != named_.end() && child->starts_with(below);
}

std::unique_ptr<Walk::Frame> Walk::open_frame(const Visit& visit, ScannedEntry entry,
                                              ScannedDirectory scanned, const GitIgnores& around) {
  WalkEvent enter;
  enter.kind = WalkEvent::Kind::enter_directory;
  enter.path = visit.path;
  enter.was_known = entry.old != nullptr;
  enter.is_unchanged = entry.is_unchanged;
  enter.is_source = visit.is_source;
  enter.began = scanned.began;
  enter.old_tree = old_tree_of(entry).tree;
  if (!entry.is_unchanged && scanned.handle) {
    for (const MetadataProblem& problem : read_extended(scanned.handle->get(), entry.metadata)) {
      units_.add_problem(visit.path, "metadata_unreadable",
                         problem.what + ": " + errno_text(problem.errno_value));
    }
  }
  enter.node = node_of(entry, scanned.began);
  if (scanned.errno_value != 0) {
    enter.node.incomplete = true;
    units_.add_problem(visit.path, "read_failed",
                       "cannot be listed: " + errno_text(scanned.errno_value));
  }
  if (scanned.is_pseudo) {
    units_.add_problem(visit.path, "pseudo_file_system",
                       "is a pseudo file system of the kernel; its contents are left out",
                       Finding::Weight::note);
  }
  units_.add(std::move(enter));
  path_ = visit.path;
  auto frame = std::make_unique<Frame>();
  frame->path_length = path_.size();
  frame->root_device = visit.root_device;
  frame->source_length = visit.source_length;
  frame->contents = visit.contents;
  frame->scanned = std::move(scanned);
  if (!frame->scanned.handle) return frame;
  read_ignore_files(*frame, visit.live_name, around);
  frame->mark = options_.selection.marked_by(frame->scanned.handle->get());
  scan_on(*frame);
  add_entries(*frame, std::exchange(frame->scanned.entries, {}));
  return frame;
}

void Walk::read_ignore_files(Frame& frame, const std::string& live_name, const GitIgnores& around) {
  if (!options_.git_ignore) return;
  frame.ignores = around.inside(live_name, frame.scanned.handle->get());
  if (!frame.ignores.is_too_large()) return;
  units_.add_problem(path_, "ignore_files_too_large",
                     "has more git ignore files than are read; what they say is not left out",
                     Finding::Weight::note);
}

/// Has the next directories among the frame's entries scanned by the pool.
void Walk::scan_ahead(Frame& frame) {
  auto& entries = frame.scanned.entries;
  frame.next_ahead = std::max(frame.next_ahead, frame.next);
  for (; frame.ahead.size() < kScanAhead && frame.next_ahead < entries.size(); ++frame.next_ahead) {
    const ScannedEntry& entry = entries[frame.next_ahead];
    if (entry.errno_value != 0 || entry.metadata.type != FileType::directory) continue;
    if (entry.contents == ScannedEntry::Contents::none) continue;
    frame.ahead.push_back(tasks_.submit(
        ThreadPool::Priority::normal,
        [&rule = rule_, handle = frame.scanned.handle, name = entry.name,
         old = old_tree_of(entry)] { return scan_directory(rule, handle, name, old); }));
  }
}

void Walk::step_into(std::vector<std::unique_ptr<Frame>>& stack, Frame& frame) {
  scan_ahead(frame);
  ScannedEntry entry = std::move(frame.scanned.entries[frame.next]);
  ++frame.next;
  Visit visit{frame.scanned.handle,
              entry.name,
              path_below(path_, entry.name),
              frame.root_device,
              frame.source_length,
              false,
              entry.contents,
              {}};
  if (named_.contains(visit.path)) {
    visit.root_device = entry.metadata.device;
    visit.source_length = visit.path.size();
    if (options_.read_special && entry.metadata.type != FileType::directory) {
      auto named = scan_source(rule_, visit.directory, entry.name, entry.name, std::nullopt);
      if (named.entries.front().kind == ContentKind::device)
        entry = std::move(named.entries.front());
    }
  }
  if (entry.errno_value != 0 || entry.metadata.type != FileType::directory) {
    visit_entry(visit, std::move(entry), frame.scanned.began);
    return;
  }
  ScannedDirectory scanned;
  if (entry.contents == ScannedEntry::Contents::none) {
    scanned.began = frame.scanned.began;
  } else {
    scanned = frame.ahead.front().get();
    frame.ahead.pop_front();
  }
  stack.push_back(open_frame(visit, std::move(entry), std::move(scanned), frame.ignores));
}

void Walk::walk_directory(const Visit& visit, ScannedEntry entry, Timestamp) {
  const OldTree old = old_tree_of(entry);
  std::vector<std::unique_ptr<Frame>> stack;
  stack.push_back(open_frame(visit, std::move(entry),
                             scan_directory(rule_, visit.directory, visit.live_name, old),
                             visit.ignores));
  while (!stack.empty() && !units_.is_stopped()) {
    if (options_.stop != nullptr && options_.stop->signal_number() != 0) return;
    Frame& frame = *stack.back();
    path_.resize(frame.path_length);
    if (has_entries(frame)) {
      step_into(stack, frame);
      continue;
    }
    if (path_ != "/") {
      WalkEvent leave;
      leave.kind = WalkEvent::Kind::leave_directory;
      units_.add(std::move(leave));
    }
    stack.pop_back();
  }
}

}  // namespace coppice
