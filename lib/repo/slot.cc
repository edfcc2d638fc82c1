#include "repo/slot.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "repo/checked_json.h"
#include "repo/json_fields.h"

namespace coppice {
namespace {

constexpr std::string_view kSlotFormat = "coppice slot";
constexpr std::uint32_t kSlotVersion = 1;
constexpr std::string_view kScrypt = "scrypt";
constexpr std::string_view kKeyFile = "key file";
constexpr std::size_t kNonceBytes = std::tuple_size_v<Nonce>;

/// Binds the payload to its place: a sealed payload moved to another slot or repository does not
/// open.
Bytes associated_data(const Id& repository, const SlotId& slot) {
  ByteWriter writer;
  writer.raw(as_bytes("coppice/1 slot"));
  writer.id(repository);
  writer.id(slot);
  return writer.take();
}

Secret32 derive_key(const Credential& credential, ByteView salt, ScryptParams params) {
  if (const auto* passphrase = std::get_if<SecretBytes>(&credential.secret)) {
    return scrypt(passphrase->view(), salt, params);
  }
  return hkdf_sha256(std::get<Secret32>(credential.secret).view(), {}, "coppice/1 key file", salt);
}

ScryptParams read_scrypt_params(const JsonFields& kdf) {
  constexpr std::uint64_t max = std::numeric_limits<std::uint32_t>::max();
  const ScryptParams params{static_cast<std::uint32_t>(kdf.number("n", max)),
                            static_cast<std::uint32_t>(kdf.number("r", max)),
                            static_cast<std::uint32_t>(kdf.number("p", max))};
  // Before any use: hostile storage must not be able to exhaust the machine.
  if (!is_acceptable(params)) kdf.fail("scrypt parameters out of bounds");
  return params;
}

nlohmann::ordered_json write_kdf(const SlotFile& slot) {
  nlohmann::ordered_json kdf;
  kdf["algorithm"] = slot.kdf == SlotKdf::scrypt ? kScrypt : kKeyFile;
  if (slot.kdf == SlotKdf::scrypt) {
    kdf["n"] = slot.scrypt.n;
    kdf["r"] = slot.scrypt.r;
    kdf["p"] = slot.scrypt.p;
  }
  kdf["salt"] = to_hex(slot.salt);
  return kdf;
}

std::string write_slot(const SlotFile& slot) {
  nlohmann::ordered_json json;
  json["format"] = kSlotFormat;
  json["version"] = kSlotVersion;
  json["repository_id"] = slot.repository_id.hex();
  json["slot_id"] = slot.slot_id.hex();
  json["kdf"] = write_kdf(slot);
  json["sealed"] = to_hex(slot.sealed);
  return write_checked_json(json);
}

}  // namespace

SlotFile parse_slot(ByteView slot_text) {
  const nlohmann::json json = parse_checked_json(slot_text, "slot");
  const JsonFields fields(json, "slot");
  check_format(fields, kSlotFormat, kSlotVersion);
  SlotFile slot;
  slot.repository_id = fields.id<Id>("repository_id");
  slot.slot_id = fields.id<SlotId>("slot_id");
  const JsonFields kdf = fields.object("kdf");
  const std::string& algorithm = kdf.text("algorithm");
  if (algorithm == kScrypt) {
    slot.kdf = SlotKdf::scrypt;
    slot.scrypt = read_scrypt_params(kdf);
  } else if (algorithm == kKeyFile) {
    slot.kdf = SlotKdf::key_file;
  } else {
    throw Error(ErrorKind::newer_version, "slot: unknown algorithm: written by a newer coppice");
  }
  kdf.hex("salt", slot.salt);
  slot.sealed = fields.hex("sealed");
  if (slot.sealed.size() < kNonceBytes + kAeadTagBytes) fields.fail("sealed is too short");
  return slot;
}

std::string seal_slot(const SlotPayload& payload, const Credential& credential, ScryptParams params,
                      RandomSource& random) {
  SlotFile slot;
  slot.repository_id = payload.repository_id;
  slot.slot_id = payload.slot_id;
  slot.kdf = credential.kdf();
  slot.scrypt = params;
  if (slot.kdf == SlotKdf::scrypt && !is_acceptable(params)) {
    throw Error(ErrorKind::usage, "scrypt parameters out of bounds");
  }
  random.fill(slot.salt);
  Nonce nonce;
  random.fill(nonce);
  const SecretBytes plain = encode_slot_payload(payload);
  slot.sealed.resize(kNonceBytes + plain.view().size() + kAeadTagBytes);
  std::copy(nonce.begin(), nonce.end(), slot.sealed.begin());
  Aead(Cipher::aes_256_gcm, derive_key(credential, slot.salt, params))
      .seal(nonce, associated_data(slot.repository_id, slot.slot_id), plain.view(),
            MutableByteView(slot.sealed).subspan(kNonceBytes));
  return write_slot(slot);
}

std::optional<SlotPayload> open_slot(ByteView slot_text, const Id& repository,
                                     const Credential& credential) {
  const SlotFile slot = parse_slot(slot_text);
  if (slot.repository_id != repository || slot.kdf != credential.kdf()) return std::nullopt;
  const ByteView sealed = slot.sealed;
  Nonce nonce;
  std::copy_n(sealed.begin(), kNonceBytes, nonce.begin());
  Bytes plain(sealed.size() - kNonceBytes - kAeadTagBytes);
  Aead aead(Cipher::aes_256_gcm, derive_key(credential, slot.salt, slot.scrypt));
  if (!aead.open(nonce, associated_data(repository, slot.slot_id), sealed.subspan(kNonceBytes),
                 plain)) {
    return std::nullopt;
  }
  const SecretBytes opened(std::move(plain));
  SlotPayload payload = decode_slot_payload(opened.view());
  if (payload.slot_id != slot.slot_id || payload.repository_id != repository) {
    throw_damaged("slot: its payload speaks of another slot");
  }
  return payload;
}

}  // namespace coppice
