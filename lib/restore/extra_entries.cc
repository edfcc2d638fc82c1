#include "restore/extra_entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/directory.h"
#include "fs/inode_flags.h"

namespace coppice {
namespace {

struct EntryFacts {
  bool is_directory = false;
  bool can_have_flags = false;
  bool is_mount = false;  ///< the root of a mounted file system or bind mount
};

/// One statx that also tells mount points: a bind mount has the device number of its surroundings.
EntryFacts look_at(int dirfd, const char* name) {
  struct statx facts {};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (::statx(dirfd, name, flags, STATX_TYPE, &facts) != 0) throw call_error("stat", name, errno);
  const bool is_directory = S_ISDIR(facts.stx_mode);
  return {is_directory, is_directory || S_ISREG(facts.stx_mode),
          (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
}

std::uint64_t device_of(int fd) { return stat_fd(fd).device; }

class Removal {
 public:
  Removal(RestoreContext& context, std::uint64_t device) : context_(context), device_(device) {}

  /// True if nothing is left.
  bool remove(int dirfd, const std::string& name, const std::string& path) {
    try {
      return try_remove(dirfd, name, path);
    } catch (const Error& error) {  // per item
      if (ends_restore(error)) throw;
      context_.findings.partial("delete_failed", path, error.what());
      return false;
    }
  }

 private:
  bool try_remove(int dirfd, const std::string& name, const std::string& path);
  bool empty_directory(int dirfd, const std::string& name, const std::string& path);
  void unlink(int dirfd, const std::string& name, const EntryFacts& facts);

  RestoreContext& context_;
  std::uint64_t device_;
};

bool Removal::try_remove(int dirfd, const std::string& name, const std::string& path) {
  context_.check_stop();
  const EntryFacts facts = look_at(dirfd, name.c_str());
  const RestoreChoice choice = context_.select(path, facts.is_directory);
  if (facts.is_mount || choice == RestoreChoice::none) return false;
  if (facts.is_directory && !empty_directory(dirfd, name, path)) return false;
  if (choice != RestoreChoice::take) return false;
  if (context_.options.dry_run) {
    context_.findings.note("would_delete", path, facts.is_directory ? "directory" : "entry");
  } else {
    unlink(dirfd, name, facts);
  }
  context_.counters.files_deleted.add();
  return true;
}

bool Removal::empty_directory(int dirfd, const std::string& name, const std::string& path) {
  const Fd directory = open_at(dirfd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (device_of(directory.get()) != device_) return false;  // mounted since the look
  bool is_empty = true;
  for (const DirEntry& entry : read_directory(directory.get())) {
    is_empty = remove(directory.get(), entry.name, join_path(path, entry.name)) && is_empty;
  }
  return is_empty;
}

void Removal::unlink(int dirfd, const std::string& name, const EntryFacts& facts) {
  const int flags = facts.is_directory ? AT_REMOVEDIR : 0;
  if (::unlinkat(dirfd, name.c_str(), flags) == 0) return;
  int errno_value = errno;
  if (errno_value == EPERM && facts.can_have_flags) {  // immutable or append-only
    const OpenResult entry = try_open_at(dirfd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (entry.fd.is_open()) clear_protecting_flags(entry.fd.get());
    if (::unlinkat(dirfd, name.c_str(), flags) == 0) return;
    errno_value = errno;
  }
  throw call_error("remove", name.c_str(), errno_value);
}

}  // namespace

bool remove_extra_entry(RestoreContext& context, const ExtraEntry& extra) {
  const std::string path = join_path(extra.directory->path(), extra.name);
  try {
    const SharedFd directory = context.directories.open(extra.directory);
    return Removal(context, device_of(directory->get())).remove(directory->get(), extra.name, path);
  } catch (const Error& error) {  // per item
    if (ends_restore(error)) throw;
    context.findings.partial("delete_failed", path, error.what());
    return false;
  }
}

}  // namespace coppice
