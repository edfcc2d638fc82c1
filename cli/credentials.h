#pragma once
#include <string>
#include <vector>

#include "command.h"
#include "repo/slot.h"

namespace coppice {

/// What opens the repository: from the command line, else the environment, else
/// $CREDENTIALS_DIRECTORY, else the person at the terminal. Throws Error{usage} if one level has
/// several sources, Error{no_key} if there is none or it cannot be read. `of` ends the question:
/// "of /mnt/repo".
Credential obtain_credential(const Invocation& invocation, const std::string& of);

/// True if obtain_credential has a source that needs nobody at a terminal.
bool has_unattended_credential(const Invocation& invocation);

/// What shall open a new repository: a passphrase (asked for twice at a terminal), a key file, or
/// both. A key file that does not exist is made, readable by its owner only. At least one.
std::vector<Credential> obtain_new_credentials(const Invocation& invocation);

Credential credential_from_password_file(const std::string& path);
/// Throws Error{no_key} if it is not there or no key file.
Credential credential_from_key_file(const std::string& path);

}  // namespace coppice
