#include "restore/existing_entry.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/apply.h"
#include "fs/directory.h"
#include "fs/inode_flags.h"
#include "restore/content_compare.h"
#include "restore/extra_entries.h"
#include "restore/metadata_compare.h"

namespace coppice {
namespace {

/// Removes a directory that is empty; a dry run only tells whether it is.
bool remove_if_empty(RestoreContext& context, int dirfd, const char* name) {
  if (!context.options.dry_run) return ::unlinkat(dirfd, name, AT_REMOVEDIR) == 0;
  const Fd directory = open_at(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return !stat_at(dirfd, name).is_mount_root && read_directory(directory.get()).empty();
}

/// The look at one entry.
class EntryLook {
 public:
  EntryLook(RestoreContext& context, PlannedEntry& entry)
      : context_(context), options_(context.options), entry_(entry), wanted_(entry.node.meta) {}

  void run();

 private:
  void run_existing(const Metadata& existing);
  bool is_unchanged(const Metadata& existing) const;
  void settle_unchanged(Metadata existing);
  bool has_other_metadata(Metadata& existing) const;
  MetadataProblems repair_metadata() const;
  bool may_reuse_inode(const Metadata& existing) const;
  void plan_in_place();
  void keep(const Metadata& existing);
  void will(EntryAction action);
  void settle(Counter& counter, LinkSource::State state);

  const char* name() const { return entry_.node.name.c_str(); }
  void note(const char* code) const {
    context_.findings.note(code, entry_.path(), entry_.is_regular() ? "file" : "special entry");
  }

  RestoreContext& context_;
  const RestoreOptions& options_;
  PlannedEntry& entry_;
  const Metadata& wanted_;
  SharedFd directory_;
};

void EntryLook::run() {
  if (entry_.directory->is_fresh) return will(EntryAction::create);
  directory_ = context_.directories.open(entry_.directory);
  const auto existing = try_stat_at(directory_->get(), name());
  if (!existing) return will(EntryAction::create);
  run_existing(*existing);
}

void EntryLook::run_existing(const Metadata& existing) {
  if (options_.overwrite == Overwrite::never) return keep(existing);
  if (existing.type == FileType::directory) {
    const bool was_empty = make_room(context_, entry_);
    return will(options_.dry_run && was_empty ? EntryAction::replace : EntryAction::create);
  }
  if (is_unchanged(existing)) return settle_unchanged(existing);
  if (options_.dry_run || !may_reuse_inode(existing)) return will(EntryAction::replace);
  plan_in_place();
}

bool EntryLook::is_unchanged(const Metadata& existing) const {
  if (existing.type != wanted_.type || options_.overwrite != Overwrite::if_changed) return false;
  // Another name of the same inode, maybe outside the target, must not be changed with it.
  if (existing.links > 1 && !entry_.node.is_hard_link()) return false;
  switch (wanted_.type) {
    case FileType::regular:
      return existing.size == wanted_.size && existing.mtime == wanted_.mtime;
    case FileType::char_device:
    case FileType::block_device:
      return existing.rdev == wanted_.rdev;
    default:
      return true;  // a symlink's target is compared with the other metadata
  }
}

bool EntryLook::has_other_metadata(Metadata& existing) const {
  const MetadataProblems unreadable = read_extended(directory_->get(), name(), existing);
  return !unreadable.empty() || !is_same_metadata(existing, wanted_, context_.apply_options());
}

void EntryLook::settle_unchanged(Metadata existing) {
  const bool differs = has_other_metadata(existing);
  if (wanted_.type == FileType::symlink && existing.symlink_target != wanted_.symlink_target) {
    return will(EntryAction::replace);
  }
  if (options_.dry_run && entry_.link) entry_.link->keeps_inode = true;
  if (!differs) return settle(context_.counters.files_unchanged, LinkSource::State::restored);
  if (options_.dry_run) return will(EntryAction::update);
  context_.findings.gather(repair_metadata(), entry_.path());
  settle(context_.counters.files_restored, LinkSource::State::restored);
}

MetadataProblems EntryLook::repair_metadata() const {
  if (!entry_.is_regular()) {
    return apply_metadata_at(directory_->get(), name(), wanted_, context_.apply_options());
  }
  OpenResult file = try_open_at(directory_->get(), name(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (file.fd.is_open() && stat_fd(file.fd.get()).type == FileType::regular) {
    return apply_metadata(file.fd.get(), wanted_, context_.apply_options());
  }
  const Fd writable = open_for_update(directory_->get(), name());
  return apply_metadata(writable.get(), wanted_, context_.apply_options());
}

/// A file that somebody else owns may be open in his hands: he would read what is written into it.
bool EntryLook::may_reuse_inode(const Metadata& existing) const {
  const bool is_ours = existing.uid == wanted_.uid || existing.uid == geteuid();
  return entry_.is_regular() && existing.type == FileType::regular && existing.links == 1 &&
         is_ours;
}

void EntryLook::plan_in_place() {
  std::optional<UpdatePlan> plan;
  try {
    const Fd file = open_for_update(directory_->get(), name());
    plan = plan_update(file.get(),
                       {entry_.node, context_.trees, context_.keyring.identity(ChunkClass::data),
                        context_.blocks.index(), options_.overwrite == Overwrite::if_changed});
  } catch (const Error& error) {  // per item: a running program's file, for example, is replaced
    if (ends_restore(error)) throw;
    return will(EntryAction::replace);
  }
  if (plan) {
    entry_.update = std::make_unique<UpdatePlan>(std::move(*plan));
    return will(EntryAction::update);
  }
  context_.findings.report_once({Finding::Weight::damaged, "content_damaged", entry_.path(),
                                 "chunks are missing in the repository; the file there was left"});
  settle(context_.counters.files_skipped, LinkSource::State::damaged);
}

/// Later names of the file are linked to what is kept only if it seems to be the same.
void EntryLook::keep(const Metadata& existing) {
  const bool seems_same = existing.type == wanted_.type && existing.size == wanted_.size &&
                          existing.mtime == wanted_.mtime;
  if (options_.dry_run && entry_.link) entry_.link->keeps_inode = true;
  settle(context_.counters.files_skipped,
         seems_same ? LinkSource::State::restored : LinkSource::State::failed);
}

void EntryLook::will(EntryAction action) {
  entry_.action = action;
  if (!options_.dry_run) return;
  note(action == EntryAction::create ? "would_restore" : "would_update");
  settle(context_.counters.files_restored, LinkSource::State::restored);
}

void EntryLook::settle(Counter& counter, LinkSource::State state) {
  entry_.action = EntryAction::settled;
  if (entry_.is_first_name && entry_.link) entry_.link->state = state;
  counter.add();
  context_.meter.add_file(entry_.is_regular() ? wanted_.size : 0);
}

}  // namespace

void examine_entry(RestoreContext& context, PlannedEntry& entry) {
  try {
    EntryLook(context, entry).run();
  } catch (const Error& error) {  // per item
    give_up(context, entry, error);
  }
}

void give_up(RestoreContext& context, PlannedEntry& entry, const Error& error) {
  if (ends_restore(error)) throw error;
  const bool is_damage = error.kind() == ErrorKind::damaged;
  if (is_damage) {
    context.findings.report_once(
        {Finding::Weight::damaged, "content_damaged", entry.path(), error.what()});
  } else {
    context.findings.partial("write_failed", entry.path(), error.what());
  }
  entry.action = EntryAction::settled;
  if (entry.is_first_name && entry.link) {
    entry.link->state = is_damage ? LinkSource::State::damaged : LinkSource::State::failed;
  }
  context.counters.files_skipped.add();
  context.meter.add_file();
}

void settle_restored(RestoreContext& context, PlannedEntry& entry) {
  entry.action = EntryAction::settled;
  if (entry.is_first_name && entry.link) entry.link->state = LinkSource::State::restored;
  context.counters.files_restored.add();
  context.meter.add_file();
}

bool make_room(RestoreContext& context, const PlannedEntry& entry) {
  const SharedFd directory = context.directories.open(entry.directory);
  if (remove_if_empty(context, directory->get(), entry.node.name.c_str())) return true;
  if (context.options.delete_extra &&
      remove_extra_entry(context, {entry.directory, entry.node.name})) {
    return false;
  }
  throw Error(
      ErrorKind::failed,
      "a directory stands in its place that is not empty; restore with --delete to remove it");
}

void rename_over(int dirfd, const std::string& from, const std::string& to) {
  if (::renameat(dirfd, from.c_str(), dirfd, to.c_str()) == 0) return;
  int errno_value = errno;
  const auto existing = errno_value == EPERM ? try_stat_at(dirfd, to.c_str()) : std::nullopt;
  if (existing && existing->type == FileType::regular) {  // immutable or append-only
    const OpenResult file = try_open_at(dirfd, to.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (file.fd.is_open()) clear_protecting_flags(file.fd.get());
    if (::renameat(dirfd, from.c_str(), dirfd, to.c_str()) == 0) return;
    errno_value = errno;
  }
  ::unlinkat(dirfd, from.c_str(), 0);
  throw call_error("rename", to.c_str(), errno_value);
}

Fd open_for_update(int dirfd, const char* name) {
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;  // a FIFO in its place must not block
  OpenResult file = try_open_at(dirfd, name, kFlags);
  if (file.errno_value == EACCES) {
    const Fd pinned = open_at(dirfd, name, O_PATH | O_NOFOLLOW);
    if (stat_fd(pinned.get()).type == FileType::regular) {
      // Best effort: if it fails, so does the open.
      (void)::chmod(("/proc/self/fd/" + std::to_string(pinned.get())).c_str(), S_IRUSR | S_IWUSR);
    }
    file = try_open_at(dirfd, name, kFlags);
  } else if (file.errno_value == EPERM) {
    const Fd reader = open_at(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    clear_protecting_flags(reader.get());
    file = try_open_at(dirfd, name, kFlags);
  }
  if (!file.fd.is_open()) throw call_error("open", name, file.errno_value);
  if (stat_fd(file.fd.get()).type != FileType::regular) throw call_error("open", name, EINVAL);
  return std::move(file.fd);
}

}  // namespace coppice
