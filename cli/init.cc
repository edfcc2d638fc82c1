#include <unistd.h>

#include "access.h"
#include "base/text.h"
#include "base/units.h"
#include "command.h"
#include "credentials.h"
#include "fs/users.h"
#include "values.h"

namespace coppice {
namespace {

class InitCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("init", "Create a repository.");
    syntax_->value("--chunk-size", "SIZE", chunk_size_,
                   "average chunk, a power of two (default 128K); small ones deduplicate finer, "
                   "large ones need less memory");
    syntax_->value("--compression", "LEVEL", compression_, "zstd level, 1 to 19 (default 3)");
    syntax_->value("--parity", "PERCENT", parity_,
                   "how much of each pack may rot and still heal, 1 to 50 (default 3); 0: none");
    syntax_->value("--cipher", "NAME", cipher_,
                   "aes-256-gcm or chacha20-poly1305 (default: the faster one here)");
    syntax_->value("--shared-group", "GROUP", group_,
                   "members of this group may read and write the files");
    syntax_->value("--like", "REPO", like_,
                   "same identity secrets and chunk size as this repository, so that `copy` needs "
                   "no re-chunking; the same passphrase or key file must open it, unless one of "
                   "the next two is given");
    syntax_->value("--like-password-file", "FILE", like_password_file_,
                   "file with the passphrase of the repository of --like");
    syntax_->value("--like-key-file", "FILE", like_key_file_,
                   "key file of the repository of --like");
    syntax_->footer(
        "A --key-file that does not exist is made; with a passphrase beside it, either opens.\n\n"
        "Example:\n  coppice -r /mnt/disk/repo init --key-file /root/coppice.key");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  void run(const Invocation& invocation) override;

 private:
  InitOptions read_options() const;
  std::optional<gid_t> read_group() const;
  /// The repository of --like, opened; nothing if none was named.
  struct Like {
    std::unique_ptr<LocalStore> store;
    std::unique_ptr<Repository> repository;
  };
  Like open_like(const Invocation& invocation, const StateDirectory& state,
                 const Credential& credential) const;

  std::optional<Syntax> syntax_;
  std::optional<std::string> chunk_size_, compression_, parity_, cipher_, group_;
  std::optional<std::string> like_, like_password_file_, like_key_file_;
};

InitOptions InitCommand::read_options() const {
  InitOptions options;
  options.program = kProgram;
  options.slot_label = "owner";
  if (chunk_size_) {
    if (like_) {
      throw Error(ErrorKind::usage, "--chunk-size: with --like the chunk size is that of REPO");
    }
    options.average_chunk_bytes =
        ChunkerParams::with_average(parse_size("--chunk-size", *chunk_size_)).average;
  }
  if (compression_) {
    options.compression_level =
        static_cast<std::uint8_t>(parse_number("--compression", *compression_, 1, 19));
  }
  if (parity_) {
    const std::uint64_t percent = parse_number("--parity", *parity_, 0, 50);
    options.parity.reset();
    if (percent > 0) options.parity = ParityGeometry::from_percent(static_cast<unsigned>(percent));
  }
  if (cipher_) {
    if (*cipher_ != "aes-256-gcm" && *cipher_ != "chacha20-poly1305") {
      throw Error(ErrorKind::usage, "--cipher: \"" + escape_for_display(*cipher_) +
                                        "\" is neither aes-256-gcm nor chacha20-poly1305");
    }
    options.cipher = *cipher_ == "aes-256-gcm" ? Cipher::aes_256_gcm : Cipher::chacha20_poly1305;
  }
  if (!like_ && (like_password_file_ || like_key_file_)) {
    throw Error(ErrorKind::usage, "--like-password-file and --like-key-file go with --like");
  }
  if (like_password_file_ && like_key_file_) {
    throw Error(ErrorKind::usage, "give one of --like-password-file and --like-key-file");
  }
  return options;
}

std::optional<gid_t> InitCommand::read_group() const {
  if (!group_) return std::nullopt;
  if (const auto id = UserNames().group_id(*group_)) return *id;
  return static_cast<gid_t>(parse_number("--shared-group", *group_, 0, 0xFFFF'FFFE));
}

InitCommand::Like InitCommand::open_like(const Invocation& invocation, const StateDirectory& state,
                                         const Credential& credential) const {
  Like like;
  if (!like_) return like;
  like.store = open_store(invocation, absolute_path(*like_), state, Access::read);
  const auto open = [&](const Credential& key) {
    like.repository = Repository::open(*like.store, key, {}, invocation.console);
  };
  if (like_password_file_) {
    open(credential_from_password_file(*like_password_file_));
  } else if (like_key_file_) {
    open(credential_from_key_file(*like_key_file_));
  } else {
    open(credential);
  }
  return like;
}

void InitCommand::run(const Invocation& invocation) {
  InitOptions options = read_options();
  const std::optional<gid_t> group = read_group();
  const std::string path = repository_path(invocation);
  if (access((path + "/header").c_str(), F_OK) == 0) {  // before a key file is made for it
    throw Error(ErrorKind::failed,
                escape_for_display(path) + " is a coppice repository already; nothing was changed");
  }
  const StateDirectory state = find_state_directory(invocation, Access::write);
  const std::vector<Credential> credentials = obtain_new_credentials(invocation);
  const Like like = open_like(invocation, state, credentials.front());
  if (like.repository) {
    options.like_keyring = &like.repository->keyring();
    options.like_parameters = &like.repository->parameters();
  }
  LocalStoreOptions store_options;
  store_options.lock_dir = state.path;
  store_options.warn = [&](const std::string& message) {
    invocation.console.note("target_limited", message);
  };
  const auto store = LocalStore::create(path, std::move(store_options), group);
  const Id id = init_repository(*store, credentials, options, system_random());
  // A repository that lay here before is not expected any more.
  remember_repository(state, path, id);
  if (invocation.options.json) {
    Json summary = make_message("initialized");
    summary["id"] = id.hex();
    set_name(summary, "repository", path);
    return invocation.console.print_json(summary);
  }
  if (invocation.options.quiet) return;
  invocation.console.print("created repository " + id.short_hex() + " at " +
                           escape_for_display(path));
  invocation.console.print(
      "Without its passphrase or key file nothing can be restored: keep a copy elsewhere, and one "
      "of `coppice key export`.");
}

}  // namespace

std::unique_ptr<Command> make_init_command() { return std::make_unique<InitCommand>(); }

}  // namespace coppice
