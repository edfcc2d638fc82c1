#include "access.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "credentials.h"
#include "fs/write_file.h"
#include "repo/object_names.h"
#include "values.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 1 << 20;

std::string home_directory() {
  if (const char* home = getenv("HOME"); home != nullptr && *home == '/') return home;
  const passwd* user = getpwuid(geteuid());  // cron and systemd may set no HOME
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/";
}

/// $XDG_…_HOME/coppice, else ~/<fallback>/coppice. XDG Base Directory Specification: relative
/// values are ignored.
std::string xdg_directory(const char* variable, const std::string& fallback) {
  if (const char* value = getenv(variable); value != nullptr && *value == '/') {
    return std::string(value) + "/coppice";
  }
  return home_directory() + "/" + fallback + "/coppice";
}

/// Makes the directory if need be; false if it cannot be written to.
bool is_usable(const std::string& directory) {
  try {
    create_directories(directory, 0700);
  } catch (const Error&) {  // expected on rescue systems and read-only roots
    return false;
  }
  return access(directory.c_str(), R_OK | W_OK | X_OK) == 0;
}

/// Whose header it is; nothing if there is no intact one, which Repository::open then tells.
std::optional<Id> peek_repository_id(Store& store) {
  for (const std::string& name : {std::string(kHeaderName), copy_name(kHeaderName)}) {
    try {
      return decode_header(store.read_all(name, kMaxHeaderBytes)).repository_id;
    } catch (const Error&) {  // per item: the second copy may be whole
      continue;
    }
  }
  return std::nullopt;
}

bool has_header(Store& store) {
  return store.size(kHeaderName).has_value() || store.size(copy_name(kHeaderName)).has_value();
}

void expect_repository(Store& store, const HostState& host_state, const std::string& path) {
  const auto expected = host_state.expected_repository(path);
  const auto found = peek_repository_id(store);
  const std::string where = escape_for_display(path);
  const std::string on_purpose =
      "If this is on purpose, delete " + escape_for_display(host_state.target_file(path));
  if (expected && found && *expected != *found) {
    throw Error(ErrorKind::no_repository,
                where + " holds another repository (" + found->short_hex() +
                    ") than the one this machine knows there (" + expected->short_hex() +
                    "): is the right disk mounted? " + on_purpose);
  }
  if (expected && !has_header(store)) {
    throw Error(ErrorKind::no_repository,
                where + " does not hold repository " + expected->short_hex() +
                    " now: mount its disk and run this again. " + on_purpose);
  }
}

std::string find_index_cache(const Invocation& invocation, const Id& repository) {
  if (invocation.options.no_cache) return "";
  const std::string root = invocation.options.cache_directory
                               ? absolute_path(*invocation.options.cache_directory)
                               : xdg_directory("XDG_CACHE_HOME", ".cache");
  std::string directory = root + "/" + repository.hex() + "/index";
  if (is_usable(directory)) return directory;
  invocation.console.detail("working without a cache: cannot write to " +
                            escape_for_display(directory));
  return "";
}

/// What runs that were killed on this machine left unfinished. It is only in the way of the disk's
/// space, so a target that does not let go of it is no error.
void clean_up_after_the_dead(const Invocation& invocation, LocalStore& store) {
  try {
    const std::size_t removed = store.remove_stale_temporaries();
    if (removed > 0) {
      invocation.console.detail("removed " + std::to_string(removed) +
                                " unfinished files of an interrupted run");
    }
  } catch (const Error& error) {
    invocation.console.detail(std::string("unfinished files stay: ") + error.what());
  }
}

}  // namespace

StateDirectory find_state_directory(const Invocation& invocation, Access access) {
  StateDirectory state;
  if (invocation.options.state_directory) {
    state.path = absolute_path(*invocation.options.state_directory);
  } else if (geteuid() == 0) {
    state.path = "/var/lib/coppice";
  } else {
    state.path = xdg_directory("XDG_STATE_HOME", ".local/state");
  }
  state.is_writable = is_usable(state.path);
  if (state.is_writable) return state;
  const std::string what = "cannot write to the state directory " + escape_for_display(state.path);
  if (access == Access::write) {
    throw Error(ErrorKind::failed,
                what +
                    ", where this machine remembers its repositories; choose another one with "
                    "--state-dir");
  }
  invocation.console.detail(what + ": nothing will be remembered of this repository");
  return state;
}

std::string repository_path(const Invocation& invocation) {
  if (!invocation.options.repository) {
    throw Error(ErrorKind::usage,
                "no repository was named: use --repo PATH or set COPPICE_REPOSITORY");
  }
  return absolute_path(*invocation.options.repository);
}

std::unique_ptr<LocalStore> open_store(const Invocation& invocation, const std::string& path,
                                       const StateDirectory& state, Access access) {
  LocalStoreOptions options;
  options.read_only = access == Access::read;
  options.warn = [&console = invocation.console](const std::string& message) {
    console.note("target_limited", message);
  };
  if (state.is_writable) options.lock_dir = state.path;
  auto store = LocalStore::open(path, std::move(options));
  const HostState host_state(state.path);
  if (!invocation.options.header_file) expect_repository(*store, host_state, path);
  return store;
}

void remember_repository(const StateDirectory& state, const std::string& path, const Id& id) {
  if (state.is_writable) HostState(state.path).remember_repository(path, id);
}

std::unique_ptr<HeaderExport> read_header_export(const GlobalOptions& options) {
  if (!options.header_file) return nullptr;
  const Bytes text = read_small_file(*options.header_file, kMaxExportBytes);
  return std::make_unique<HeaderExport>(decode_export(text));
}

OpenedRepository open_repository(const Invocation& invocation, Access access,
                                 FindingSink* findings) {
  const std::string path = repository_path(invocation);
  const StateDirectory state = find_state_directory(invocation, access);
  OpenedRepository opened;
  opened.store = open_store(invocation, path, state, access);
  opened.header_export = read_header_export(invocation.options);
  if (opened.header_export == nullptr && !has_header(*opened.store)) {
    // Before anybody is asked for a passphrase.
    throw Error(ErrorKind::no_repository,
                escape_for_display(path) +
                    " is not a coppice repository (it has no file named 'header'): is the target "
                    "mounted? To make one there: coppice -r PATH init. If only header and slots "
                    "are lost: --header FILE");
  }
  if (state.is_writable) opened.host_state = std::make_unique<HostState>(state.path);
  const Credential credential = obtain_credential(invocation, "of " + path);
  const OpenOptions options{opened.header_export.get(), opened.host_state.get()};
  opened.repository = Repository::open(*opened.store, credential, options,
                                       findings != nullptr ? *findings : invocation.console);
  remember_repository(state, path, opened.repository->id());
  if (access == Access::write) clean_up_after_the_dead(invocation, *opened.store);
  opened.index_cache_directory = find_index_cache(invocation, opened.repository->id());
  return opened;
}

}  // namespace coppice
