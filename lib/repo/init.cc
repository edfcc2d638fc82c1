#include "base/error.h"
#include "crypto/box.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/readme_text.h"
#include "repo/repository.h"
#include "repo/reserve.h"

/// How a repository comes into being (docs/format.md, sections 2, 3 and 5): slots, log, readme, and
/// the header last.
namespace coppice {
namespace {

/// The secrets that all owner slots of a new repository share.
struct FoundingSecrets {
  Id repository;
  SigningKey root;
  Secret32 family;
  Secret32 repository_key;
  BoxPrivateKey data_key;
  BoxPrivateKey metadata_key;
};

FoundingSecrets draw_secrets(const InitOptions& options, RandomSource& random) {
  return {random_id<Id>(random),
          SigningKey::generate(random),
          options.like_keyring != nullptr ? options.like_keyring->family_secret().clone()
                                          : random_secret(random),
          random_secret(random),
          BoxPrivateKey::generate(random),
          BoxPrivateKey::generate(random)};
}

SlotPayload make_owner_payload(const FoundingSecrets& secrets, RandomSource& random) {
  SlotPayload payload;
  payload.role = Role::owner;
  payload.slot_id = random_id<SlotId>(random);
  payload.repository_id = secrets.repository;
  payload.root_public_key = secrets.root.public_key();
  payload.signing_seed = random_secret(random);
  payload.box_private_key = random_secret(random);
  payload.family_secret = secrets.family.clone();
  EpochSecrets epoch;
  epoch.epoch = 0;
  epoch.repository_key = secrets.repository_key.clone();
  epoch.metadata_private_key = secrets.metadata_key.seed().clone();
  epoch.data_private_key = secrets.data_key.seed().clone();
  payload.epochs.push_back(std::move(epoch));
  payload.root_seed = secrets.root.seed().clone();
  return payload;
}

LogAppend epoch_entry(const FoundingSecrets& secrets, const InitOptions& options) {
  EpochBody body;
  body.data_key = secrets.data_key.public_key();
  body.metadata_key = secrets.metadata_key.public_key();
  Parameters parameters;
  parameters.average_chunk_bytes = options.like_parameters != nullptr
                                       ? options.like_parameters->average_chunk_bytes
                                       : options.average_chunk_bytes;
  parameters.cipher = options.cipher;
  parameters.compression_level = options.compression_level;
  if (options.parity) {
    parameters.parity_data_sectors = static_cast<std::uint8_t>(options.parity->data);
    parameters.parity_sectors = static_cast<std::uint8_t>(options.parity->parity);
  }
  parameters.family_name = derive_family_keys(secrets.family).family_name;
  return {LogEntryType::epoch, {}, {}, encode_epoch_body(body), encode_parameters(parameters)};
}

LogAppend certificate_entry(const Keyring& keyring, const FoundingSecrets& secrets,
                            const std::string& label, RandomSource& random) {
  CertificateBody body;
  body.slot = keyring.slot();
  body.role = Role::owner;
  body.signing_key = keyring.signing_key().public_key();
  body.box_key = keyring.box_key().public_key();
  const auto add_box = [&](KeySecret which, const Secret32& secret) {
    const Bytes context = key_box_context(0, which, body.slot);
    body.key_boxes.push_back({0, which, seal_box(body.box_key, context, secret, random)});
  };
  add_box(KeySecret::repository_key, secrets.repository_key);
  add_box(KeySecret::metadata_private_key, secrets.metadata_key.seed());
  add_box(KeySecret::data_private_key, secrets.data_key.seed());
  CertificateTerms terms;
  terms.label = label;
  return {LogEntryType::certificate,
          {},
          {},
          encode_certificate_body(body),
          encode_certificate_terms(terms)};
}

void put_twice(Store& store, const std::string& name, std::string_view text) {
  store.put(name, as_bytes(text));
  store.put(copy_name(name), as_bytes(text));
}

}  // namespace

Id init_repository(Store& store, const std::vector<Credential>& credentials,
                   const InitOptions& options, RandomSource& random) {
  if (store.size(kHeaderName) || store.size(copy_name(kHeaderName))) {
    throw Error(ErrorKind::failed,
                store.description() + " is a coppice repository already; nothing was changed");
  }
  const FoundingSecrets secrets = draw_secrets(options, random);
  for (const Credential& credential : credentials) {
    SlotPayload payload = make_owner_payload(secrets, random);
    const std::string slot = seal_slot(payload, credential, options.scrypt, random);
    const std::string name = slot_name(payload.slot_id);
    Keyring keyring(std::move(payload));
    Log log(store, keyring, random);
    if (log.refresh().next_number == 0) log.append(epoch_entry(secrets, options));
    log.append(certificate_entry(keyring, secrets, options.slot_label, random));
    put_twice(store, name, slot);
  }
  Header header;
  header.repository_id = secrets.repository;
  header.created_by = options.program;
  put_reserve(store);
  store.put(kReadmeName, as_bytes(make_readme(header, options.program)));
  // Last: an interrupted init leaves a directory that nobody takes for a repository.
  put_twice(store, kHeaderName, encode_header(header));
  return secrets.repository;
}

}  // namespace coppice
