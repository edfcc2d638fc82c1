#pragma once
#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "syntax.h"

namespace coppice {

/// Where a passphrase or key may come from, at one level: command line or environment.
struct KeySources {
  std::optional<std::string> password_file;
  std::optional<std::string> password_command;
  std::optional<std::string> password;  ///< environment only
  std::optional<std::string> key_file;
};

/// What holds for every command. The command line beats the environment.
struct GlobalOptions {
  std::optional<std::string> repository;
  KeySources from_command_line;
  KeySources from_environment;
  std::optional<std::string> credentials_directory;  ///< $CREDENTIALS_DIRECTORY, of systemd
  std::optional<std::string> header_file;
  std::optional<std::string> cache_directory;
  bool no_cache = false;
  std::optional<std::string> state_directory;
  std::optional<std::string> wait;
  bool json = false;
  bool quiet = false;
  int verbosity = 0;
  bool no_color = false;
  std::optional<std::string> host;             ///< COPPICE_HOST
  std::vector<std::string> unknown_variables;  ///< named COPPICE_…, and nobody knows what for

  /// Adds the options to the program.
  void declare(Syntax& syntax);
  /// Fills from the environment what the command line left open. Throws Error{usage} for a variable
  /// that is set to nothing, and for values that are not valid.
  void take_environment();

  ConsoleStyle style() const;
  /// COPPICE_HOST, else the machine's name.
  std::string this_host() const;
};

/// The environment variables that coppice knows, for help and tests.
const std::vector<std::string>& known_variables();

}  // namespace coppice
