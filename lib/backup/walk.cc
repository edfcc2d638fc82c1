#include "backup/walk.h"

#include <fcntl.h>

#include <utility>

#include "base/error.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

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

void Walk::run() {
  const SourceTree tree = SourceTree::from(options_.sources);
  for (const BackupSource& source : options_.sources) named_.insert(source.recorded_path);
  visit_source(tree, "/", "", std::nullopt);
  units_.flush();
}

void Walk::visit_sources(const SourceTree& tree, const std::string& path,
                         const std::optional<Reference>& old_tree) {
  for (const auto& [name, child] : tree.children) {
    if (units_.is_stopped()) return;
    visit_source(child, path_below(path, name), name, old_tree);
  }
}

void Walk::visit_source(const SourceTree& source, const std::string& path, const std::string& name,
                        const std::optional<Reference>& old_tree) {
  const auto [folder, live_name] = split_live_path(source.live_path);
  OpenResult opened = try_open_at(AT_FDCWD, folder.c_str(), O_PATH | O_DIRECTORY);
  if (opened.errno_value != 0) {
    units_.add_problem(path, "source_missing",
                       "cannot be backed up: " + errno_text(opened.errno_value));
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
    units_.add_problem(path, "source_missing",
                       "cannot be backed up: " + errno_text(entry.errno_value));
    return;
  }
  if (entry.metadata.type == FileType::symlink) {
    units_.add_problem(path, "source_is_symlink",
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
  units_.add(std::move(enter));
  visit_sources(tree, path, old_subtree);
  if (path == "/") return;
  WalkEvent leave;
  leave.kind = WalkEvent::Kind::leave_directory;
  units_.add(std::move(leave));
}

void Walk::visit_entry(const Visit& visit, ScannedEntry entry, Timestamp began) {
  if (entry.errno_value != 0) {
    units_.add_problem(visit.path, "stat_failed",
                       "cannot be read: " + errno_text(entry.errno_value));
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
    units_.add(std::move(event));
    return;
  }
  if (entry.metadata.type != FileType::regular) {
    try {
      for (const MetadataProblem& problem :
           read_extended(visit.directory->get(), visit.live_name.c_str(), entry.metadata)) {
        units_.add_problem(visit.path, "metadata_unreadable",
                           problem.what + ": " + errno_text(problem.errno_value));
      }
      event.node = node_of(entry, began);
      units_.add(std::move(event));
    } catch (const Error& error) {  // per item
      units_.add_problem(visit.path, "read_failed", error.what());
    }
    return;
  }
  SmallFileJob job{visit.directory, visit.live_name, entry.metadata, entry.kind};
  event.node = node_of(entry, began);
  event.old = entry.old ? std::move(entry.old) : std::move(entry.similar);
  if (!cut_) return units_.add(std::move(event));
  if (job.metadata.size <= kSmallFileBytes && job.kind == ContentKind::file) {
    units_.add_small_file(std::move(event), std::move(job));
    return;
  }
  event.kind = WalkEvent::Kind::streamed_file;
  event.stream = std::make_shared<StreamedFile>(*cut_, std::move(job));
  event.first_segment = submit_segment(tasks_, event.stream);
  units_.add(std::move(event));
  units_.flush();  // so that the reader's memory is counted by units in flight
}

}  // namespace coppice
