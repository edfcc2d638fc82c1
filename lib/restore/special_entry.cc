#include "restore/special_entry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "fs/apply.h"
#include "fs/fd.h"
#include "fs/inode_flags.h"
#include "restore/existing_entry.h"

namespace coppice {
namespace {

const char* plural_of(FileType type) {
  switch (type) {
    case FileType::symlink:
      return "symlinks";
    case FileType::fifo:
      return "FIFOs";
    case FileType::socket:
      return "sockets";
    case FileType::char_device:
    case FileType::block_device:
      return "devices";
    case FileType::regular:
    case FileType::directory:
      break;
  }
  return "entries";
}

/// Whether this user or file system cannot have entries of that type at all.
bool means_never(int errno_value) {
  return errno_value == EPERM || errno_value == EOPNOTSUPP || errno_value == ENOSYS;
}

/// False if no entry of that type can be made here, which is said once for all of them.
bool create_or_gather(RestoreContext& context, PlannedEntry& entry, int dirfd, const char* name) {
  const int error = create_special_at(dirfd, name, entry.node.meta);
  if (error == 0) return true;
  if (!means_never(error)) throw call_error("create", name, error);
  context.findings.gather_unmade(plural_of(entry.node.meta.type), error, entry.path());
  entry.action = EntryAction::settled;
  if (entry.is_first_name && entry.link) {
    entry.link->state = LinkSource::State::impossible;
    entry.link->errno_value = error;
  }
  context.counters.files_skipped.add();
  context.meter.add_file();
  return false;
}

void make_special(RestoreContext& context, PlannedEntry& entry) {
  const SharedFd directory = context.directories.open(entry.directory);
  const bool replaces = entry.action == EntryAction::replace;
  const std::string name = replaces ? context.make_temporary_name() : entry.node.name;
  if (!create_or_gather(context, entry, directory->get(), name.c_str())) return;
  context.findings.gather(
      apply_metadata_at(directory->get(), name.c_str(), entry.node.meta, context.apply_options()),
      entry.path());
  if (replaces) rename_over(directory->get(), name, entry.node.name);
  settle_restored(context, entry);
}

/// Takes immutable and append-only flags from a file that is restored already, for as long as this
/// lives: nothing links to such a file, nor renames it.
class Thaw {
 public:
  Thaw(RestoreContext& context, const PlannedEntry& entry, int dirfd)
      : context_(context), entry_(entry) {
    if (!entry.is_regular() || entry.node.meta.flags == 0) return;
    file_ = try_open_at(dirfd, entry.link->name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).fd;
    // If it fails, so does the link, which is reported.
    if (file_.is_open()) clear_protecting_flags(file_.get());
  }
  Thaw(const Thaw&) = delete;
  Thaw& operator=(const Thaw&) = delete;
  ~Thaw() {
    if (!file_.is_open()) return;
    MetadataProblems problems;
    set_inode_flags(file_.get(), entry_.node.meta.flags, problems);
    context_.findings.gather(problems, entry_.link->path());
  }

 private:
  RestoreContext& context_;
  const PlannedEntry& entry_;
  Fd file_;
};

/// Makes one more name of a file that exists.
class LaterName {
 public:
  LaterName(RestoreContext& context, PlannedEntry& entry)
      : context_(context), entry_(entry), source_(*entry.link) {}

  void run();

 private:
  void foresee(const std::optional<Metadata>& existing);
  bool is_linked(const Metadata& existing);
  bool is_linked_or_kept(const std::optional<Metadata>& existing);
  void skip_impossible();
  void link_as(const std::string& name);

  RestoreContext& context_;
  PlannedEntry& entry_;
  const LinkSource& source_;
  SharedFd source_directory_;
  SharedFd directory_;
};

void LaterName::run() {
  if (source_.state == LinkSource::State::impossible) return skip_impossible();
  if (source_.state == LinkSource::State::damaged) {
    throw_damaged("it is another name of " + escape_for_display(source_.path()) +
                  ", whose content is damaged");
  }
  if (source_.state != LinkSource::State::restored) {
    throw Error(ErrorKind::failed, "it is another name of " + escape_for_display(source_.path()) +
                                       ", which could not be restored");
  }
  std::optional<Metadata> existing;
  if (!entry_.directory->is_fresh) {
    directory_ = context_.directories.open(entry_.directory);
    existing = try_stat_at(directory_->get(), entry_.node.name.c_str());
  }
  if (is_linked_or_kept(existing)) return;
  if (existing && existing->type == FileType::directory) {
    const bool was_empty = make_room(context_, entry_);
    if (!was_empty || !context_.options.dry_run) existing.reset();
  }
  if (context_.options.dry_run) return foresee(existing);
  source_directory_ = context_.directories.open(source_.directory);
  directory_ = context_.directories.open(entry_.directory);
  const Thaw thaw(context_, entry_, source_directory_->get());
  if (existing) {
    const std::string temporary = context_.make_temporary_name();
    link_as(temporary);
    rename_over(directory_->get(), temporary, entry_.node.name);
  } else {
    link_as(entry_.node.name);
  }
  settle_restored(context_, entry_);
}

void LaterName::foresee(const std::optional<Metadata>& existing) {
  context_.findings.note(existing ? "would_update" : "would_restore", entry_.path(),
                         "another name");
  settle_restored(context_, entry_);
}

bool LaterName::is_linked(const Metadata& existing) {
  // In a dry run the first name may not be there yet, or another file under it.
  if (context_.options.dry_run && !source_.keeps_inode) return false;
  const SharedFd directory = context_.directories.open(source_.directory);
  const Metadata source = stat_at(directory->get(), source_.name.c_str());
  return source.inode == existing.inode && source.device == existing.device;
}

void LaterName::skip_impossible() {
  context_.findings.gather_unmade(plural_of(entry_.node.meta.type), source_.errno_value,
                                  entry_.path());
  context_.counters.files_skipped.add();
  context_.meter.add_file();
}

bool LaterName::is_linked_or_kept(const std::optional<Metadata>& existing) {
  if (!existing) return false;
  const bool is_right = is_linked(*existing);
  if (!is_right && context_.options.overwrite != Overwrite::never) return false;
  (is_right ? context_.counters.files_unchanged : context_.counters.files_skipped).add();
  context_.meter.add_file();
  return true;
}

void LaterName::link_as(const std::string& name) {
  if (::linkat(source_directory_->get(), source_.name.c_str(), directory_->get(), name.c_str(),
               0) == 0) {
    return;
  }
  throw call_error("link", name.c_str(), errno);
}

}  // namespace

void restore_special_entry(RestoreContext& context, PlannedEntry& entry) {
  context.check_stop();
  try {
    make_special(context, entry);
  } catch (const Error& error) {  // per item
    give_up(context, entry, error);
  }
}

void restore_later_name(RestoreContext& context, PlannedEntry& entry) {
  context.check_stop();
  try {
    LaterName(context, entry).run();
  } catch (const Error& error) {  // per item
    give_up(context, entry, error);
  }
}

}  // namespace coppice
