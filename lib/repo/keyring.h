#pragma once
#include <map>
#include <optional>

#include "crypto/box.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "pack/block.h"
#include "repo/family.h"
#include "repo/slot.h"

namespace coppice {

/// The secrets of an opened slot, ready for use: what this process may read, write and sign. Keys
/// of epochs that are younger than the slot are learned while the log is read. Const use is
/// thread-safe.
class Keyring {
 public:
  explicit Keyring(SlotPayload payload);

  Role role() const { return role_; }
  const SlotId& slot() const { return slot_; }
  const Id& repository() const { return repository_; }
  const PublicKey& root_public_key() const { return root_public_key_; }
  const SigningKey& signing_key() const { return signing_key_; }
  const BoxPrivateKey& box_key() const { return box_key_; }
  /// The root signing key; null unless this slot is an owner's.
  const SigningKey* root_key() const { return root_key_ ? &*root_key_ : nullptr; }

  const ChunkIdentity& identity(ChunkClass chunk_class) const {
    return chunk_class == ChunkClass::data ? data_identity_ : metadata_identity_;
  }
  const FamilyKeys& family() const { return family_; }
  const Secret32& family_secret() const { return family_secret_; }
  /// Authenticates this machine's local files (index cache), so that another user cannot forge
  /// them.
  Secret32 local_key() const;

  /// Throws Error{no_key} if this slot has no repository key for that epoch.
  const Secret32& repository_key(std::uint64_t epoch) const;
  /// Null if this slot's role may not read the class, or not in that epoch.
  const BoxPrivateKey* class_key(std::uint64_t epoch, ChunkClass chunk_class) const;
  /// Takes over keys of a later epoch that were boxed to this slot.
  void learn(EpochSecrets secrets);
  bool knows_epoch(std::uint64_t epoch) const { return epochs_.contains(epoch); }

 private:
  struct Epoch {
    Secret32 repository_key;
    std::optional<BoxPrivateKey> metadata_key;
    std::optional<BoxPrivateKey> data_key;
  };

  Role role_;
  SlotId slot_;
  Id repository_;
  PublicKey root_public_key_;
  SigningKey signing_key_;
  BoxPrivateKey box_key_;
  std::optional<SigningKey> root_key_;
  Secret32 family_secret_;
  FamilyKeys family_;
  ChunkIdentity data_identity_;
  ChunkIdentity metadata_identity_;
  std::map<std::uint64_t, Epoch> epochs_;
};

}  // namespace coppice
