#pragma once
#include <string>

#include "base/secret.h"
#include "base/stop.h"

namespace coppice {

/// True if there is a person to ask: stdin is a terminal.
bool can_prompt();

/// Asks on stderr and reads one line from stdin without echo. Throws Error{interrupted}, and
/// Error{no_key} for an empty line or the end of input.
SecretBytes prompt_passphrase(const std::string& question, const StopFlag& stop);

}  // namespace coppice
