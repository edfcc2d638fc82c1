#pragma once
#include <sys/types.h>

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "fs/fd.h"
#include "store/local_store.h"

namespace coppice {

/// An object's name taken apart: the directory (may be "") and the name in it.
struct ObjectPlace {
  std::string directory;
  std::string leaf;
};
ObjectPlace place_of(const std::string& name);

/// The one directory that a local store lives in, and the rules for files in it: never through a
/// symlink, durable directories, modes, warnings said once, errors that name the target.
/// Thread-safe.
class TargetDirectory {
 public:
  TargetDirectory(Fd root, std::string path, LocalStoreOptions options, bool is_shared);

  const std::string& path() const { return path_; }
  const LocalStoreOptions& options() const { return options_; }
  int root() const { return root_.get(); }
  mode_t file_mode() const { return is_shared_ ? 0440 : 0400; }
  mode_t directory_mode() const { return is_shared_ ? 02770 : 0700; }

  /// Opens a directory below the root ("" is the root itself) for reading; not open if it is
  /// absent. Throws Error{damaged} if something else is there, Error{failed} if the root was
  /// removed.
  Fd try_open_directory(const std::string& relative) const;
  /// Opens a directory below the root, making what is missing; the directories' names are durable
  /// on return.
  Fd make_directory(const std::string& relative);

  /// Makes the descriptor's file or directory durable, if the file system can. After an error the
  /// object must be written anew: the kernel may have dropped what it could not write, and a second
  /// fsync would call that well.
  void sync(int fd);
  /// Sets the mode, if the file system can.
  void set_mode(int fd, mode_t mode);

  enum class Warning { no_fsync, no_chmod, one_host_only };
  /// Warns unless this was said before; the path goes before the message.
  void warn_once(Warning warning, const std::string& message);

  /// Throws Error{refused} for a store opened for reading only.
  void expect_writable() const;
  /// Throws Error{failed} if the root was removed: then every name in it seems absent.
  void expect_present() const;
  /// True if the target still answers: an I/O error is then one file's own.
  bool answers() const;

  /// The error with the target's path, and with advice if the target is full.
  Error explained(const Error& error) const;
  Error call_failed(const std::string& call, int errno_value) const;
  /// Runs `call`; what it throws gets `context` and the target's path.
  template <typename Call>
  auto within(std::string_view context, const Call& call) const {
    try {
      return call();
    } catch (const Error& error) {
      throw explained(error.within(context));
    }
  }

 private:
  Fd make_part(const Fd& parent, const std::string& name);
  bool is_known_durable(const std::string& relative) const;
  /// What fsync shall seem to answer; 0 to ask the file system.
  int pretended_fsync_errno();

  const Fd root_;
  const std::string path_;
  const LocalStoreOptions options_;
  const bool is_shared_;
  bool had_links_ = false;    // some FUSE file systems always say 0
  mutable std::mutex mutex_;  // guards all below
  int fsyncs_ = 0;
  std::set<Warning> warned_;
  std::set<std::string> durable_;  // directories whose names were synced by this process
};

}  // namespace coppice
