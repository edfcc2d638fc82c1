#include "backup/walk.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <system_error>

#include "base/error.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

/// Directories of one level that are scanned before their turn.
constexpr std::size_t kScanAhead = 4;
/// A unit is given out at this many events even if it reads little.
constexpr std::size_t kUnitEvents = 512;
/// … or at so much memory for them: names and paths may be long.
constexpr std::size_t kUnitEventBytes = 1 << 20;
/// The next entries of a large directory are taken while so many are left: directories among them
/// are to be scanned before their turn.
constexpr std::size_t kFewEntries = 32;

std::string errno_text(int errno_value) { return std::generic_category().message(errno_value); }

std::string joined(const std::string& directory, const std::string& name) {
  std::string path = directory == "/" ? std::string() : directory;
  path += '/';
  path += name;
  return path;
}

Node node_of(ScannedEntry& entry, Timestamp began) {
  Node node;
  node.name = entry.name;
  node.meta = std::move(entry.metadata);
  node.unsettled = is_unsettled(node.meta, began);
  return node;
}

/// Stands for a directory on the way to a source that is not there live (--as).
Metadata plain_directory() {
  Metadata metadata;
  metadata.type = FileType::directory;
  metadata.mode = 0755;
  return metadata;
}

/// Folder and last component of a live path; "/" is its own folder.
std::pair<std::string, std::string> split_live_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  std::string name = path.substr(slash + 1);
  return {slash == 0 ? "/" : path.substr(0, slash), name.empty() ? "." : std::move(name)};
}

}  // namespace

/// A directory that is being walked: its entries from `next` on are still to come.
struct Walk::Frame {
  Visit visit;
  ScannedDirectory scanned;
  GitIgnores ignores;                             // what holds in it
  std::optional<std::string> mark;                // Selection::marked_by
  std::future<std::vector<ScannedEntry>> coming;  // of a large directory: the next of its entries
  std::size_t next = 0;
  std::size_t next_ahead = 0;  // entries before this one have been considered for scanning ahead
  std::deque<std::future<ScannedDirectory>>
      ahead;  // of the next directories among the entries, in order
};

void Walk::run() {
  const SourceTree tree = SourceTree::from(options_.sources);
  for (const BackupSource& source : options_.sources) named_.insert(source.recorded_path);
  visit_source(tree, "/", "", std::nullopt);
  flush();
}

void Walk::push_event(WalkEvent event) {
  unit_bytes_ += sizeof event + memory_of(event.node) + event.path.capacity() +
                 (event.old ? memory_of(*event.old) : 0);
  unit_.events.push_back(std::move(event));
}

bool Walk::is_unit_full() const {
  return unit_.events.size() >= kUnitEvents || unit_bytes_ >= kUnitEventBytes;
}

void Walk::add_event(WalkEvent event) {
  push_event(std::move(event));
  if (is_unit_full()) flush();
}

void Walk::add_problem(const std::string& path, const std::string& code, const std::string& message,
                       Finding::Weight weight) {
  WalkEvent event;
  event.kind = WalkEvent::Kind::problem;
  event.problem = {weight, code, path, message};
  add_event(std::move(event));
}

void Walk::add_small_file(WalkEvent event, SmallFileJob job) {
  job_bytes_ += job.metadata.size;
  jobs_.push_back(std::move(job));
  event.kind = WalkEvent::Kind::small_file;
  push_event(std::move(event));
  if (jobs_.size() >= kBatchFiles || job_bytes_ >= kBatchBytes || is_unit_full()) flush();
}

void Walk::flush() {
  if (is_stopped_ || unit_.events.empty()) return;
  if (!jobs_.empty()) {
    unit_.has_batch = true;
    unit_.batch = tasks_.submit(
        ThreadPool::Priority::normal,
        [cut = *cut_, jobs = std::move(jobs_)] { return read_small_files(cut, jobs); });
  }
  jobs_ = {};
  job_bytes_ = 0;
  unit_bytes_ = 0;
  is_stopped_ = !emit_(std::exchange(unit_, {}));
}

void Walk::visit_sources(const SourceTree& tree, const std::string& path,
                         const std::optional<Reference>& old_tree) {
  for (const auto& [name, child] : tree.children) {
    if (is_stopped_) return;
    visit_source(child, joined(path, name), name, old_tree);
  }
}

void Walk::visit_source(const SourceTree& source, const std::string& path, const std::string& name,
                        const std::optional<Reference>& old_tree) {
  const auto [folder, live_name] = split_live_path(source.live_path);
  OpenResult opened = try_open_at(AT_FDCWD, folder.c_str(), O_PATH | O_DIRECTORY);
  if (opened.errno_value != 0) {
    add_problem(path, "source_missing", "cannot be backed up: " + errno_text(opened.errno_value));
    return;
  }
  Visit visit{std::make_shared<const Fd>(std::move(opened.fd)),
              live_name,
              path,
              0,
              path.size(),
              true,
              ScannedEntry::Contents::all,
              {}};
  ScannedDirectory scanned = scan_source(rule_, visit.directory, live_name, name, old_tree);
  ScannedEntry entry = std::move(scanned.entries.front());
  if (path == "/" && options_.parent_root) {
    entry.old = std::make_unique<Node>(*options_.parent_root);
  }
  if (!source.is_source) {
    if (entry.errno_value != 0) entry.metadata = plain_directory();
    visit_intermediate(source, path, std::move(entry));
    return;
  }
  if (entry.errno_value != 0) {
    add_problem(path, "source_missing", "cannot be backed up: " + errno_text(entry.errno_value));
    return;
  }
  if (entry.metadata.type == FileType::symlink) {
    add_problem(path, "source_is_symlink",
                "is a symlink and is stored as one; name its target to back that up",
                Finding::Weight::note);
  }
  visit.root_device = entry.metadata.device;
  if (options_.git_ignore) visit.ignores = GitIgnores::of_work_tree(folder);
  visit_entry(visit, std::move(entry), scanned.began);
}

void Walk::visit_intermediate(const SourceTree& tree, const std::string& path, ScannedEntry entry) {
  if (entry.metadata.type != FileType::directory) entry.metadata = plain_directory();
  WalkEvent enter;
  enter.kind = WalkEvent::Kind::enter_directory;
  enter.path = path;
  enter.was_known = entry.old != nullptr;
  enter.is_unchanged = entry.is_unchanged;
  enter.began = rule_.clock->now();
  const std::optional<Reference> old_subtree = entry.old ? entry.old->subtree : std::nullopt;
  enter.old_tree = old_subtree;
  if (!entry.is_unchanged) {
    const OpenResult opened =
        try_open_source_at(AT_FDCWD, tree.live_path.c_str(), FileType::directory);
    if (opened.errno_value == 0) static_cast<void>(read_extended(opened.fd.get(), entry.metadata));
  }
  enter.node = node_of(entry, enter.began);
  add_event(std::move(enter));
  visit_sources(tree, path, old_subtree);
  if (path == "/") return;
  WalkEvent leave;
  leave.kind = WalkEvent::Kind::leave_directory;
  add_event(std::move(leave));
}

void Walk::visit_entry(const Visit& visit, ScannedEntry entry, Timestamp began) {
  if (entry.errno_value != 0) {
    add_problem(visit.path, "stat_failed", "cannot be read: " + errno_text(entry.errno_value));
  } else if (entry.metadata.type == FileType::directory) {
    walk_directory(visit, std::move(entry), began);
  } else {
    visit_file(visit, std::move(entry), began);
  }
}

void Walk::visit_file(const Visit& visit, ScannedEntry entry, Timestamp began) {
  WalkEvent event;
  event.path = visit.path;
  event.was_known = entry.old != nullptr;
  event.is_source = visit.is_source;
  event.began = began;
  if (entry.is_unchanged) {
    event.is_unchanged = true;
    // All is as it was, but the ctime may have become settled: it lies longer ago now.
    const Content content = std::move(entry.old->content);
    event.node = node_of(entry, began);
    event.node.content = content;
    add_event(std::move(event));
    return;
  }
  if (entry.metadata.type != FileType::regular) {
    try {
      for (const MetadataProblem& problem :
           read_extended(visit.directory->get(), visit.live_name.c_str(), entry.metadata)) {
        add_problem(visit.path, "metadata_unreadable",
                    problem.what + ": " + errno_text(problem.errno_value));
      }
      event.node = node_of(entry, began);
      add_event(std::move(event));
    } catch (const Error& error) {  // per item
      add_problem(visit.path, "read_failed", error.what());
    }
    return;
  }
  SmallFileJob job{visit.directory, visit.live_name, entry.metadata, entry.kind};
  event.node = node_of(entry, began);
  event.old = entry.old ? std::move(entry.old) : std::move(entry.similar);
  if (!cut_) return add_event(std::move(event));
  if (job.metadata.size <= kSmallFileBytes && job.kind == ContentKind::file) {
    add_small_file(std::move(event), std::move(job));
    return;
  }
  event.kind = WalkEvent::Kind::streamed_file;
  event.stream = std::make_unique<StreamedFile>(*cut_, std::move(job));
  event.first_segment = tasks_.submit(ThreadPool::Priority::normal, [stream = event.stream.get()] {
    return stream->read_segment();
  });
  add_event(std::move(event));
  flush();  // so that the reader's memory is counted by units in flight
}

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
  const Visit& visit = frame.visit;
  const std::string path = joined(visit.path, entry.name);
  if (named_.contains(path)) return Contents::all;
  const bool is_left_out =
      visit.contents == Contents::only_named ||
      (frame.mark ? entry.name != *frame.mark : is_excluded(frame, path, entry));
  const bool is_mount = is_other_mount(visit, entry);
  if (!is_left_out && !is_mount) return Contents::all;
  if (leads_to_named(path)) return Contents::only_named;
  const bool is_mount_point = is_mount && entry.metadata.type == FileType::directory;
  if (!is_left_out && is_mount_point) return Contents::none;
  return std::nullopt;
}

bool Walk::is_excluded(const Frame& frame, const std::string& path,
                       const ScannedEntry& entry) const {
  const Selection::EntryPath entry_path{path, frame.visit.source_length};
  if (entry.errno_value != 0) return options_.selection.excludes_path(entry_path);
  const bool is_directory = entry.metadata.type == FileType::directory;
  return options_.selection.excludes(entry_path, frame.scanned.handle->get(), entry.name.c_str(),
                                     entry.metadata) ||
         frame.ignores.ignores(entry.name, is_directory);
}

/// Files are told by the mount alone: on overlayfs they may have another device number than the
/// directory that they lie in.
bool Walk::is_other_mount(const Visit& visit, const ScannedEntry& entry) const {
  if (!options_.one_file_system || entry.errno_value != 0) return false;
  const bool is_directory = entry.metadata.type == FileType::directory;
  return entry.metadata.is_mount_root ||
         (is_directory && entry.metadata.device != visit.root_device);
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
      add_problem(visit.path, "metadata_unreadable",
                  problem.what + ": " + errno_text(problem.errno_value));
    }
  }
  enter.node = node_of(entry, scanned.began);
  if (scanned.errno_value != 0) {
    enter.node.incomplete = true;
    add_problem(visit.path, "read_failed", "cannot be listed: " + errno_text(scanned.errno_value));
  }
  if (scanned.is_pseudo) {
    add_problem(visit.path, "pseudo_file_system",
                "is a pseudo file system of the kernel; its contents are left out",
                Finding::Weight::note);
  }
  add_event(std::move(enter));
  auto frame = std::make_unique<Frame>();
  frame->visit = visit;
  frame->scanned = std::move(scanned);
  if (!frame->scanned.handle) return frame;
  read_ignore_files(*frame, around);
  frame->mark = options_.selection.marked_by(frame->scanned.handle->get());
  scan_on(*frame);
  add_entries(*frame, std::exchange(frame->scanned.entries, {}));
  return frame;
}

void Walk::read_ignore_files(Frame& frame, const GitIgnores& around) {
  if (!options_.git_ignore) return;
  frame.ignores = around.inside(frame.visit.live_name, frame.scanned.handle->get());
  if (!frame.ignores.is_too_large()) return;
  add_problem(frame.visit.path, "ignore_files_too_large",
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
        [this, handle = frame.scanned.handle, name = entry.name, old = old_tree_of(entry)] {
          return scan_directory(rule_, handle, name, old);
        }));
  }
}

void Walk::step_into(std::vector<std::unique_ptr<Frame>>& stack, Frame& frame) {
  scan_ahead(frame);
  ScannedEntry entry = std::move(frame.scanned.entries[frame.next]);
  ++frame.next;
  Visit visit{frame.scanned.handle,
              entry.name,
              joined(frame.visit.path, entry.name),
              frame.visit.root_device,
              frame.visit.source_length,
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
  while (!stack.empty() && !is_stopped_) {
    if (options_.stop != nullptr && options_.stop->signal_number() != 0) return;
    Frame& frame = *stack.back();
    if (has_entries(frame)) {
      step_into(stack, frame);
      continue;
    }
    if (frame.visit.path != "/") {
      WalkEvent leave;
      leave.kind = WalkEvent::Kind::leave_directory;
      add_event(std::move(leave));
    }
    stack.pop_back();
  }
}

}  // namespace coppice
