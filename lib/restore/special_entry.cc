#include "restore/special_entry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "fs/apply.h"
#include "fs/inode_flags.h"
#include "restore/existing_entry.h"

namespace coppice {
namespace {

void make_special(RestoreContext& context, PlannedEntry& entry) {
  const SharedFd directory = context.directories.open(entry.directory);
  const bool replaces = entry.action == EntryAction::replace;
  const std::string name = replaces ? context.make_temporary_name() : entry.node.name;
  create_special_at(directory->get(), name.c_str(), entry.node.meta);
  context.findings.gather(
      apply_metadata_at(directory->get(), name.c_str(), entry.node.meta, context.apply_options()),
      entry.path);
  if (replaces) rename_over(directory->get(), name, entry.node.name);
}

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
  void link_as(const std::string& name);
  bool link_immutable(const std::string& name);

  RestoreContext& context_;
  PlannedEntry& entry_;
  const LinkSource& source_;
  SharedFd source_directory_;
  SharedFd directory_;
};

void LaterName::run() {
  if (source_.state == LinkSource::State::damaged) {
    throw_damaged("it is another name of " + escape_for_display(source_.path) +
                  ", whose content is damaged");
  }
  if (source_.state != LinkSource::State::restored) {
    throw Error(ErrorKind::failed, "it is another name of " + escape_for_display(source_.path) +
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
  context_.findings.note(existing ? "would_update" : "would_restore", entry_.path, "another name");
  settle_restored(context_, entry_);
}

bool LaterName::is_linked(const Metadata& existing) {
  // In a dry run the first name may not be there yet, or another file under it.
  if (context_.options.dry_run && !source_.keeps_inode) return false;
  const SharedFd directory = context_.directories.open(source_.directory);
  const Metadata source = stat_at(directory->get(), source_.name.c_str());
  return source.inode == existing.inode && source.device == existing.device;
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
  const int errno_value = errno;
  if (errno_value == EPERM && link_immutable(name)) return;
  throw call_error("link", name.c_str(), errno_value);
}

/// The first name has its flags already, and nothing links to an immutable file.
bool LaterName::link_immutable(const std::string& name) {
  if (!entry_.is_regular() || entry_.node.meta.flags == 0) return false;
  const OpenResult source = try_open_at(source_directory_->get(), source_.name.c_str(),
                                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!source.fd.is_open() || clear_protecting_flags(source.fd.get()) != 0) return false;
  const bool is_linked = ::linkat(source_directory_->get(), source_.name.c_str(), directory_->get(),
                                  name.c_str(), 0) == 0;
  MetadataProblems problems;
  set_inode_flags(source.fd.get(), entry_.node.meta.flags, problems);
  context_.findings.gather(problems, source_.path);
  return is_linked;
}

}  // namespace

void restore_special_entry(RestoreContext& context, PlannedEntry& entry) {
  context.check_stop();
  try {
    make_special(context, entry);
    settle_restored(context, entry);
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
