#include <fcntl.h>
#include <fmt/format.h>

#include "access.h"
#include "base/text.h"
#include "command.h"
#include "fs/fd.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxSlotBytes = 1 << 20;

class KeyCommand final : public Command {
 public:
  void declare(Syntax& program) override;
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return !output_; }
  void run(const Invocation& invocation) override {
    list_->is_chosen() ? list(invocation) : export_header(invocation);
  }

 private:
  static void list(const Invocation& invocation);
  void export_header(const Invocation& invocation) const;

  std::optional<Syntax> syntax_, list_, export_;
  std::optional<std::string> output_;
};

void KeyCommand::declare(Syntax& program) {
  syntax_ = program.command("key", "Key slots.");
  syntax_->require_command();
  list_ = syntax_->command("list", "List the slots that open this repository.");
  list_->footer("Example:\n  coppice -r /mnt/disk/repo key list");
  export_ = syntax_->command("export",
                             "Write header, slots and root-signed entries to stdout: what must "
                             "survive off the disk, beside a passphrase or key file.");
  export_->value("-o,--output", "FILE", output_, "into a new file instead");
  export_->footer(
      "It holds no secret in the clear. `--header FILE` opens a repository with it.\n\n"
      "Example:\n  coppice -r /mnt/disk/repo key export -o /media/usb/repo.header");
  syntax_->footer("Example:\n  coppice -r /mnt/disk/repo key list");
}

/// What kind of key opens the slot; empty if its file is missing or damaged.
std::string kind_of_slot(Store& store, const SlotId& slot) {
  try {
    const SlotFile file = parse_slot(store.read_all(slot_name(slot), kMaxSlotBytes));
    return file.kdf == SlotKdf::scrypt ? "passphrase" : "key file";
  } catch (const Error&) {  // per item: `verify` tells more
    return "";
  }
}

Json slot_json(const Certificate& certificate, const Repository& repository) {
  const SlotId& slot = certificate.body.slot;
  const std::string kind = kind_of_slot(repository.store(), slot);
  Json json;
  json["schema_version"] = kJsonSchemaVersion;
  json["current"] = slot == repository.keyring().slot();
  json["id"] = slot.hex();
  json["role"] = role_word(certificate.body.role);
  set_name(json, "label", certificate.terms.label);
  set_names(json, "hosts", certificate.terms.hosts);
  Json trusted = Json::array();
  for (const SlotId& other : certificate.terms.trusted_slots) trusted.push_back(other.hex());
  json["trusted_slots"] = std::move(trusted);
  json["opened_by"] = kind.empty() ? Json(nullptr) : Json(kind);
  json["is_revoked"] = repository.state().revoked_from.contains(slot);
  return json;
}

void KeyCommand::list(const Invocation& invocation) {
  const OpenedRepository opened = open_repository(invocation, Access::read);
  const Repository& repository = *opened.repository;
  Console& console = invocation.console;
  Json document = Json::array();
  if (!invocation.options.json) {
    console.print(fmt::format("  {:8}  {:8}  {:10}  {}", "ID", "Role", "Opened by", "Label"));
  }
  for (const auto& [slot, certificate] : repository.state().certificates) {
    if (invocation.options.json) {
      document.push_back(slot_json(certificate, repository));
      continue;
    }
    const std::string kind = kind_of_slot(repository.store(), slot);
    console.print(fmt::format("{} {:8}  {:8}  {:10}  {}{}",
                              slot == repository.keyring().slot() ? '*' : ' ', slot.short_hex(),
                              role_word(certificate.body.role), kind.empty() ? "?" : kind,
                              escape_for_display(certificate.terms.label),
                              repository.state().revoked_from.contains(slot) ? " (revoked)" : ""));
  }
  if (invocation.options.json) console.print_json(document);
}

void KeyCommand::export_header(const Invocation& invocation) const {
  const OpenedRepository opened = open_repository(invocation, Access::read);
  const std::string text = encode_export(opened.repository->make_export());
  if (!output_) return invocation.console.print_raw(text);
  const Fd file = open_at(AT_FDCWD, output_->c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  write_at(file.get(), as_bytes(text), 0);
  sync_to_disk(file.get());
  if (!invocation.options.quiet && !invocation.options.json) {
    invocation.console.print("wrote " + escape_for_display(*output_));
  }
}

}  // namespace

std::unique_ptr<Command> make_key_command() { return std::make_unique<KeyCommand>(); }

}  // namespace coppice
