#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "repo/role.h"

/// A slot is one way to open the secrets of a repository: a JSON text that a stranger can read,
/// around a payload sealed with a key from a passphrase or a key file (docs/format.md, section 3).
namespace coppice {

/// What a slot's role may know of one epoch. Move-only. The private keys are X25519 seeds
/// (BoxPrivateKey).
struct EpochSecrets {
  std::uint64_t epoch = 0;
  Secret32 repository_key;
  std::optional<Secret32> metadata_private_key;
  std::optional<Secret32> data_private_key;
};

/// The most epochs that a payload holds.
inline constexpr std::size_t kMaxSlotEpochs = 4096;

/// All that the holder of a slot knows without the log. Move-only.
struct SlotPayload {
  Role role = Role::reader;
  SlotId slot_id;
  Id repository_id;
  PublicKey root_public_key;
  Secret32 signing_seed;              ///< SigningKey of this slot
  Secret32 box_private_key;           ///< BoxPrivateKey of this slot
  Secret32 family_secret;             ///< see repo/family.h
  std::vector<EpochSecrets> epochs;   ///< strictly ascending
  std::optional<Secret32> root_seed;  ///< SigningKey of the root, for owners
};

/// Requires at most kMaxSlotEpochs epochs, strictly ascending.
SecretBytes encode_slot_payload(const SlotPayload& payload);
/// Throws Error{damaged}; Error{newer_version} for a version, role or flag that this program does
/// not know.
SlotPayload decode_slot_payload(ByteView bytes);

/// How a slot's key is made.
enum class SlotKdf { scrypt, key_file };

/// What a user has in hand: a passphrase's bytes, or the secret of a key file (repo/key_file.h).
/// Move-only.
struct Credential {
  std::variant<SecretBytes, Secret32> secret;

  static Credential from_passphrase(SecretBytes passphrase) { return {std::move(passphrase)}; }
  static Credential from_key_file(Secret32 key) { return {std::move(key)}; }
  SlotKdf kdf() const {
    return std::holds_alternative<SecretBytes>(secret) ? SlotKdf::scrypt : SlotKdf::key_file;
  }
};

/// The plain part of a slot, for whoever has no key: enough to check the file and to know what to
/// ask for. Its words prove nothing until the slot opens.
struct SlotFile {
  Id repository_id;
  SlotId slot_id;
  SlotKdf kdf = SlotKdf::scrypt;
  ScryptParams scrypt;                  ///< acceptable; only for SlotKdf::scrypt
  std::array<std::uint8_t, 32> salt{};  ///< of either kdf
  Bytes sealed;                         ///< nonce, ciphertext, tag
};

/// Throws Error{damaged} for an altered text and for scrypt parameters out of bounds;
/// Error{newer_version} for a higher version or an unknown algorithm.
SlotFile parse_slot(ByteView slot_text);

/// The text of `slots/<slot id>` (at most 1 MiB). `params` count for a passphrase only; throws
/// Error{usage} if they are not acceptable. Draws salt, then nonce. Runs scrypt once: some tenths
/// of a second with the default.
std::string seal_slot(const SlotPayload& payload, const Credential& credential, ScryptParams params,
                      RandomSource& random);

/// Tries one credential on one slot; nullopt if it does not open it: another kind of credential, a
/// wrong one, or a slot of another repository. Derives a key (runs scrypt) once, and only if kind
/// and repository fit. Throws what parse_slot and decode_slot_payload throw; Error{damaged} if the
/// payload speaks of another slot.
std::optional<SlotPayload> open_slot(ByteView slot_text, const Id& repository,
                                     const Credential& credential);

}  // namespace coppice
