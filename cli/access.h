#pragma once
#include <memory>
#include <optional>
#include <string>

#include "command.h"
#include "repo/host_state.h"
#include "repo/repository.h"
#include "store/local_store.h"

namespace coppice {

/// Reading works on read-only media, and where state and cache cannot be written.
enum class Access { read, write };

/// An opened repository with all that it stands on.
struct OpenedRepository {
  std::unique_ptr<HostState> host_state;
  std::unique_ptr<LocalStore> store;
  std::unique_ptr<HeaderExport> header_export;
  std::string index_cache_directory;  ///< empty: none
  std::unique_ptr<Repository> repository;
};

/// Where this machine keeps what it must remember, and whether it can.
struct StateDirectory {
  std::string path;
  bool is_writable = false;
};
/// Makes the directory if need be. Throws Error{failed} if it cannot be written to and `access`
/// asks for it.
StateDirectory find_state_directory(const Invocation& invocation, Access access);

/// The repository's absolute path. Throws Error{usage} if none was named.
std::string repository_path(const Invocation& invocation);

/// The store at `path`. Throws Error{no_repository} if another repository is expected there than
/// the one that is.
std::unique_ptr<LocalStore> open_store(const Invocation& invocation, const std::string& path,
                                       const StateDirectory& state, Access access);

/// What --header names; null if it was not given. Throws Error{damaged}.
std::unique_ptr<HeaderExport> read_header_export(const GlobalOptions& options);

/// Opens the repository that was named with the keys that were named, and remembers it. What is
/// found wrong goes to the console, or to `findings` if that is not null.
OpenedRepository open_repository(const Invocation& invocation, Access access,
                                 FindingSink* findings = nullptr);

/// Remembers that this repository lies at this path, if anything can be remembered.
void remember_repository(const StateDirectory& state, const std::string& path, const Id& id);

}  // namespace coppice
