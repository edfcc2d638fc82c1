#include "restore/directory_maker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/inode_flags.h"
#include "fs/write_file.h"
#include "restore/metadata_compare.h"

namespace coppice {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// Tells in a dry run of an existing directory whose metadata would change (or cannot be read).
void foresee_metadata(RestoreContext& context, const OutputDirectory& directory,
                      const std::optional<Metadata>& existing) {
  const bool is_same =
      existing && is_same_metadata(*existing, directory.metadata, context.apply_options());
  if (!is_same) context.findings.note("would_update", directory.path(), "directory");
}

/// Makes or opens one directory.
class DirectoryMaker {
 public:
  DirectoryMaker(RestoreContext& context, const WantedDirectory& wanted)
      : context_(context), wanted_(wanted), made_(std::make_shared<OutputDirectory>()) {
    made_->parent = wanted.parent;
    made_->name = wanted.name;
    made_->metadata = wanted.metadata;
  }

  std::shared_ptr<OutputDirectory> run();

 private:
  void look();
  Fd make_or_open();
  Fd open_existing();
  Fd replace();
  void prepare(int fd);
  const char* name() const { return wanted_.name.c_str(); }
  bool keeps_existing() const { return context_.options.overwrite == Overwrite::never; }

  RestoreContext& context_;
  const WantedDirectory& wanted_;
  std::shared_ptr<OutputDirectory> made_;
  SharedFd parent_;
};

std::shared_ptr<OutputDirectory> DirectoryMaker::run() {
  if (!wanted_.parent->is_missing) parent_ = context_.directories.open(wanted_.parent);
  if (context_.options.dry_run) {
    look();
    return std::move(made_);
  }
  Fd fd = make_or_open();
  const Metadata facts = stat_fd(fd.get());
  made_->device = facts.device;
  made_->inode = facts.inode;
  made_->sets_metadata =
      made_->is_fresh || (wanted_.choice == RestoreChoice::take && !keeps_existing());
  prepare(fd.get());
  context_.directories.insert(made_, std::move(fd));
  return std::move(made_);
}

void DirectoryMaker::look() {
  std::optional<Metadata> existing;
  if (parent_) existing = try_stat_at(parent_->get(), name());
  if (existing && existing->type == FileType::directory) {
    made_->device = existing->device;
    made_->inode = existing->inode;
    if (wanted_.choice != RestoreChoice::take || keeps_existing()) return;
    const MetadataProblems unreadable = read_extended(parent_->get(), name(), *existing);
    return foresee_metadata(context_, *made_, unreadable.empty() ? existing : std::nullopt);
  }
  if (existing && keeps_existing()) throw call_error("replace", name(), EEXIST);
  made_->is_fresh = made_->is_missing = true;
  context_.findings.note(existing ? "would_update" : "would_restore", made_->path(), "directory");
}

Fd DirectoryMaker::make_or_open() {
  if (::mkdirat(parent_->get(), name(), S_IRWXU) == 0) {
    made_->is_fresh = true;
    return open_at(parent_->get(), name(), kOpenDirectory);
  }
  if (errno != EEXIST) throw call_error("mkdir", name(), errno);
  return open_existing();
}

Fd DirectoryMaker::open_existing() {
  OpenResult existing = try_open_at(parent_->get(), name(), kOpenDirectory);
  if (existing.errno_value == ENOTDIR || existing.errno_value == ELOOP) return replace();
  if (existing.errno_value == EACCES && !keeps_existing()) {
    const Fd pinned = open_at(parent_->get(), name(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    // Best effort: if it fails, so does the open.
    (void)::chmod(("/proc/self/fd/" + std::to_string(pinned.get())).c_str(), S_IRWXU);
    existing = try_open_at(parent_->get(), name(), kOpenDirectory);
  }
  if (!existing.fd.is_open()) throw call_error("open", name(), existing.errno_value);
  return std::move(existing.fd);
}

Fd DirectoryMaker::replace() {
  if (keeps_existing()) throw call_error("replace", name(), EEXIST);
  if (::unlinkat(parent_->get(), name(), 0) != 0) throw call_error("remove", name(), errno);
  if (::mkdirat(parent_->get(), name(), S_IRWXU) != 0) throw call_error("mkdir", name(), errno);
  made_->is_fresh = true;
  return open_at(parent_->get(), name(), kOpenDirectory);
}

/// Makes an existing directory writable for this process, for as long as it is restored into.
void DirectoryMaker::prepare(int fd) {
  if (!made_->sets_metadata) return;
  if (made_->is_fresh) {
    if ((wanted_.metadata.flags & kCreationFlags) != 0) apply_creation_flags(fd, wanted_.metadata);
    return;
  }
  clear_protecting_flags(fd);
  const std::uint32_t mode = stat_fd(fd).mode;
  if (geteuid() != 0 && (mode & S_IRWXU) != S_IRWXU) (void)::fchmod(fd, mode | S_IRWXU);
}

}  // namespace

std::shared_ptr<OutputDirectory> make_output_directory(RestoreContext& context,
                                                       const WantedDirectory& wanted) {
  return DirectoryMaker(context, wanted).run();
}

void foresee_target(RestoreContext& context, const OutputDirectory& directory) {
  if (!directory.sets_metadata) return;
  if (directory.is_missing) {
    return context.findings.note("would_restore", directory.path(), "directory");
  }
  Metadata existing = stat_fd(context.directories.target());
  const MetadataProblems unreadable = read_extended(context.directories.target(), existing);
  foresee_metadata(context, directory,
                   unreadable.empty() ? std::optional(std::move(existing)) : std::nullopt);
}

OpenedTarget open_target(const RestoreOptions& options) {
  if (options.target.empty()) throw Error(ErrorKind::usage, "no target directory was given");
  OpenedTarget target;
  OpenResult existing = try_open_at(AT_FDCWD, options.target.c_str(), O_RDONLY | O_DIRECTORY);
  if (existing.errno_value == ENOENT) {
    target.is_fresh = true;
    target.is_missing = options.dry_run;
    if (options.dry_run) return target;
    create_directories(options.target);
    existing = try_open_at(AT_FDCWD, options.target.c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!existing.fd.is_open()) {
    throw call_error("open target", options.target.c_str(), existing.errno_value);
  }
  target.fd = std::move(existing.fd);
  return target;
}

}  // namespace coppice
