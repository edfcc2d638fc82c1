#include "global_options.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "values.h"

namespace coppice {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = getenv(name);
  if (value == nullptr) return std::nullopt;
  if (*value == '\0') {
    throw Error(ErrorKind::usage, std::string(name) + " is set, but empty: unset it or fill it");
  }
  return value;
}

void take_variable(std::optional<std::string>& out, const char* name) {
  if (!out) out = variable(name);
}

}  // namespace

const std::vector<std::string>& known_variables() {
  static const std::vector<std::string> names = {
      "COPPICE_REPOSITORY", "COPPICE_PASSWORD_FILE", "COPPICE_PASSWORD_COMMAND", "COPPICE_PASSWORD",
      "COPPICE_KEY_FILE",   "COPPICE_CACHE_DIR",     "COPPICE_STATE_DIR",        "COPPICE_HOST"};
  return names;
}

void GlobalOptions::declare(Syntax& syntax) {
  syntax.value("-r,--repo", "PATH", repository, "the repository [COPPICE_REPOSITORY]");
  syntax.value("-p,--password-file", "FILE", from_command_line.password_file,
               "file with the passphrase; one newline at its end is dropped "
               "[COPPICE_PASSWORD_FILE; the passphrase itself: COPPICE_PASSWORD]");
  syntax.value("--password-command", "CMD", from_command_line.password_command,
               "shell command that prints the passphrase [COPPICE_PASSWORD_COMMAND]");
  syntax.value("--key-file", "FILE", from_command_line.key_file,
               "key file that opens a slot instead of a passphrase [COPPICE_KEY_FILE]");
  syntax.value("--header", "FILE", header_file,
               "header, key slots and root-signed log entries from `key export`, when the "
               "repository's own are gone");
  syntax.value("--cache-dir", "DIR", cache_directory,
               "local cache, safe to delete [COPPICE_CACHE_DIR; default: XDG cache]");
  syntax.flag("--no-cache", no_cache, "use no local cache");
  syntax.value("--state-dir", "DIR", state_directory,
               "what this machine must remember of repositories; not a cache "
               "[COPPICE_STATE_DIR; default: /var/lib/coppice, else XDG state]");
  syntax.value("--wait", "DURATION", wait, "how long prune waits for running sessions (36h, 7d)");
  syntax.flag("--json", json, "machine output: JSON lines");
  syntax.flag("-q,--quiet", quiet, "say nothing when all is well");
  syntax.count("-v,--verbose", verbosity, "say more");
  syntax.flag("--no-color", no_color, "no colours [NO_COLOR]");
}

void GlobalOptions::take_environment() {
  take_variable(repository, "COPPICE_REPOSITORY");
  take_variable(from_environment.password_file, "COPPICE_PASSWORD_FILE");
  take_variable(from_environment.password_command, "COPPICE_PASSWORD_COMMAND");
  take_variable(from_environment.password, "COPPICE_PASSWORD");
  take_variable(from_environment.key_file, "COPPICE_KEY_FILE");
  take_variable(cache_directory, "COPPICE_CACHE_DIR");
  take_variable(state_directory, "COPPICE_STATE_DIR");
  take_variable(host, "COPPICE_HOST");
  if (const char* directory = getenv("CREDENTIALS_DIRECTORY")) credentials_directory = directory;
  if (const char* wish = getenv("NO_COLOR")) no_color = no_color || *wish != '\0';
  if (wait) parse_duration("--wait", *wait);
  const auto& known = known_variables();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string name(text.substr(0, text.find('=')));
    if (name.starts_with("COPPICE_") &&
        std::find(known.begin(), known.end(), name) == known.end()) {
      unknown_variables.push_back(name);
    }
  }
}

ConsoleStyle GlobalOptions::style() const {
  ConsoleStyle style;
  style.json = json;
  style.quiet = quiet;
  style.verbosity = verbosity;
  const char* terminal = getenv("TERM");
  const bool is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  const bool is_terminal = isatty(STDERR_FILENO) == 1 && !is_dumb;
  style.has_color = is_terminal && !no_color && !json;
  style.shows_progress = is_terminal && !quiet && !json;
  return style;
}

std::string GlobalOptions::this_host() const {
  if (host) return *host;
  std::array<char, HOST_NAME_MAX + 2> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace coppice
