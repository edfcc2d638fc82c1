#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/id.h"

namespace coppice {

/// Number and hash of a log entry.
struct LogPosition {
  std::uint64_t number = 0;
  Id hash;

  bool operator==(const LogPosition&) const = default;
};

/// What this machine must remember of repositories, in a directory of its own (not a cache): which
/// repository lies at which path, so that an unmounted or swapped target is an error and never a
/// new empty repository; and the newest log entry seen, so that a log which was cut or exchanged is
/// noticed.
///
/// Files: `targets/<BLAKE3 of the path>` (repository id, path) and `heads/<repository id>` (number,
/// hash), two lines of text each. Made when first needed, 0700. Owned by one thread.
class HostState {
 public:
  explicit HostState(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }

  /// The repository that was last used at this absolute path.
  std::optional<Id> expected_repository(const std::string& path) const;
  void remember_repository(const std::string& path, const Id& repository);
  /// The file to delete where a target was exchanged on purpose, for messages.
  std::string target_file(const std::string& path) const;

  std::optional<LogPosition> last_seen(const Id& repository) const;
  void remember(const Id& repository, const LogPosition& position);
  std::string head_file(const Id& repository) const;

 private:
  std::string directory_;
};

}  // namespace coppice
