#include "credentials.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/text.h"
#include "child_process.h"
#include "fs/fd.h"
#include "passphrase_prompt.h"
#include "repo/key_file.h"

namespace coppice {
namespace {

constexpr std::size_t kMaxSecretFileBytes = 64 << 10;

/// The output of a program or an editor: one newline at its end is not meant.
Credential from_passphrase(Bytes bytes, const std::string& source) {
  if (!bytes.empty() && bytes.back() == '\n') bytes.pop_back();
  if (bytes.empty()) throw Error(ErrorKind::no_key, source + " holds no passphrase");
  return Credential::from_passphrase(SecretBytes(std::move(bytes)));
}

Bytes read_secret_file(const std::string& path, const std::string& what) {
  const OpenResult opened = try_open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  if (opened.errno_value != 0) {
    throw Error(ErrorKind::no_key, what + " " + escape_for_display(path) + ": " +
                                       std::generic_category().message(opened.errno_value));
  }
  Bytes bytes(kMaxSecretFileBytes);  // never moved, so no copy stays behind
  bytes.resize(read_up_to(opened.fd.get(), bytes));
  return bytes;
}

Credential from_command(const std::string& command, const StopFlag& stop) {
  ChildProcess child({"/bin/sh", "-c", command});
  Bytes output(kMaxSecretFileBytes);
  output.resize(read_up_to(child.output(), output));
  child.expect_success(stop, ErrorKind::no_key);
  return from_passphrase(std::move(output), "the output of the password command");
}

std::string shown(const std::string& path) { return escape_for_display(path); }

void expect_one_source(const KeySources& level, bool with_key_file, const std::string& where) {
  const int sources = int{level.password_file.has_value()} +
                      int{level.password_command.has_value()} + int{level.password.has_value()} +
                      int{with_key_file && level.key_file.has_value()};
  if (sources < 2) return;
  throw Error(ErrorKind::usage, "several sources of the passphrase " + where +
                                    ": give one of password file, password command" +
                                    (with_key_file ? ", key file" : "") + " and passphrase");
}

std::optional<Credential> passphrase_from(const KeySources& level, const StopFlag& stop) {
  if (level.password_file) return credential_from_password_file(*level.password_file);
  if (level.password_command) return from_command(*level.password_command, stop);
  if (level.password) {
    return Credential::from_passphrase(SecretBytes(to_bytes(as_bytes(*level.password))));
  }
  return std::nullopt;
}

std::optional<Credential> from_credentials_directory(const GlobalOptions& options) {
  if (!options.credentials_directory) return std::nullopt;
  for (const char* name : {"coppice.password", "password"}) {
    const std::string path = *options.credentials_directory + "/" + name;
    if (access(path.c_str(), F_OK) == 0) return credential_from_password_file(path);
  }
  return std::nullopt;
}

/// A passphrase that needs nobody's hands.
std::optional<Credential> unattended_passphrase(const Invocation& invocation) {
  const GlobalOptions& options = invocation.options;
  for (const KeySources* level : {&options.from_command_line, &options.from_environment}) {
    if (auto credential = passphrase_from(*level, invocation.stop)) return credential;
  }
  return from_credentials_directory(options);
}

[[noreturn]] void fail_without_source() {
  throw Error(ErrorKind::no_key,
              "no passphrase: there is no terminal to ask at; use --password-file, "
              "--password-command, --key-file or their COPPICE_ variables");
}

Credential prompt_new_passphrase(const StopFlag& stop) {
  if (!can_prompt()) fail_without_source();
  SecretBytes first = prompt_passphrase("New passphrase: ", stop);
  const SecretBytes second = prompt_passphrase("The same again: ", stop);
  if (!std::ranges::equal(first.view(), second.view())) {
    throw Error(ErrorKind::usage, "the two passphrases differ; nothing was made");
  }
  return Credential::from_passphrase(std::move(first));
}

/// Writes a new key file durably, and never over another one.
void create_key_file(const std::string& path) {
  const SecretBytes text = make_key_file(system_random());
  const Fd file = open_at(AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  write_at(file.get(), text.view(), 0);
  sync_to_disk(file.get());
  const std::string directory = path.substr(0, path.rfind('/') + 1) + ".";
  sync_to_disk(open_at(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY).get());
}

}  // namespace

Credential credential_from_password_file(const std::string& path) {
  return from_passphrase(read_secret_file(path, "password file"), shown(path));
}

Credential credential_from_key_file(const std::string& path) {
  const SecretBytes text(read_secret_file(path, "key file"));
  return Credential::from_key_file(parse_key_file(text.view()));
}

Credential obtain_credential(const Invocation& invocation, const std::string& of) {
  const GlobalOptions& options = invocation.options;
  expect_one_source(options.from_command_line, true, "on the command line");
  for (const KeySources* level : {&options.from_command_line, &options.from_environment}) {
    if (level == &options.from_environment) expect_one_source(*level, true, "in the environment");
    if (level->key_file) return credential_from_key_file(*level->key_file);
    if (auto credential = passphrase_from(*level, invocation.stop)) return std::move(*credential);
  }
  if (auto credential = from_credentials_directory(options)) return std::move(*credential);
  if (!can_prompt()) fail_without_source();
  return Credential::from_passphrase(
      prompt_passphrase("Passphrase " + shown(of) + ": ", invocation.stop));
}

bool has_unattended_credential(const Invocation& invocation) {
  const GlobalOptions& options = invocation.options;
  const auto has_source = [](const KeySources& level) {
    return level.key_file || level.password_file || level.password_command || level.password;
  };
  if (has_source(options.from_command_line) || has_source(options.from_environment)) return true;
  if (!options.credentials_directory) return false;
  for (const char* name : {"coppice.password", "password"}) {
    const std::string path = *options.credentials_directory + "/" + name;
    if (access(path.c_str(), F_OK) == 0) return true;
  }
  return false;
}

std::vector<Credential> obtain_new_credentials(const Invocation& invocation) {
  const GlobalOptions& options = invocation.options;
  expect_one_source(options.from_command_line, false, "on the command line");
  expect_one_source(options.from_environment, false, "in the environment");
  const auto& key_file = options.from_command_line.key_file ? options.from_command_line.key_file
                                                            : options.from_environment.key_file;
  std::vector<Credential> credentials;
  if (auto passphrase = unattended_passphrase(invocation)) {
    credentials.push_back(std::move(*passphrase));
  } else if (!key_file) {
    credentials.push_back(prompt_new_passphrase(invocation.stop));
  }
  if (key_file) {
    if (access(key_file->c_str(), F_OK) != 0) create_key_file(*key_file);
    credentials.push_back(credential_from_key_file(*key_file));
  }
  return credentials;
}

}  // namespace coppice
