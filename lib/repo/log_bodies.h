#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "crypto/aead.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "pack/block.h"
#include "repo/role.h"

/// The bodies of log entries, type by type (docs/format.md, section 5). Each decoder takes bytes
/// that nobody vouches for and throws Error{damaged}, or Error{newer_version} for an intact value
/// that this program does not know. Two parts are two structs, because the public part of a
/// root-signed entry is used before the sealed one can be opened.
namespace coppice {

inline constexpr std::size_t kMaxRecordBytes = 1 << 20;  ///< a snapshot record
inline constexpr std::size_t kMaxRootEntryBytes =
    1 << 20;  ///< a root-signed entry within a checkpoint
inline constexpr std::size_t kMaxTagBytes = 1024;
inline constexpr std::size_t kMaxHostNameBytes = 255;
inline constexpr std::size_t kMaxDrillBytes = 1 << 20;

// ---- lists of names: forget, undelete (sealed: snapshots), index set (sealed: replaced index
// objects), condemn,
// ---- attest, damaged (public: packs)

Bytes encode_names(const std::vector<Id>& names);
std::vector<Id> decode_names(ByteView bytes, std::string_view what);

// ---- snapshot

/// What opens the blocks of one session: its two secrets, boxed to the class keys of an epoch.
struct SessionBox {
  Id session;
  std::uint64_t epoch = 0;
  SealedBox data_box{};
  SealedBox metadata_box{};
  SlotId writer;

  bool operator==(const SessionBox&) const = default;
};

struct SnapshotBody {
  Bytes record;  ///< as signed by its origin (docs/format.md, section 10)
  std::vector<SessionBox> sessions;
};
Bytes encode_snapshot_body(const SnapshotBody& body);
SnapshotBody decode_snapshot_body(ByteView bytes);

// ---- tag

struct TagBody {
  Id snapshot;
  std::vector<std::string> added;
  std::vector<std::string> removed;
};
Bytes encode_tag_body(const TagBody& body);
TagBody decode_tag_body(ByteView bytes);

// ---- delete

/// What ends with the objects that the entry deletes.
struct RemoveBody {
  std::vector<Id> snapshots;  ///< forgotten ones that can no longer be brought back
  std::vector<Id> sessions;   ///< no block of theirs is left
};
Bytes encode_remove_body(const RemoveBody& body);
RemoveBody decode_remove_body(ByteView bytes);

// ---- damaged

/// A chunk's whole name.
struct ChunkName {
  ChunkClass chunk_class = ChunkClass::data;
  Id id;

  auto operator<=>(const ChunkName&) const = default;
};

/// A chunk that cannot be read in one pack. In other packs it may be whole.
struct DamagedChunk {
  Id pack;
  ChunkName chunk;

  auto operator<=>(const DamagedChunk&) const = default;
};
Bytes encode_damaged_chunks(const std::vector<DamagedChunk>& chunks);
std::vector<DamagedChunk> decode_damaged_chunks(ByteView bytes);

// ---- certificate, revocation, epoch

enum class KeySecret : std::uint8_t {
  repository_key = 1,
  metadata_private_key = 2,
  data_private_key = 3
};

/// One secret of an epoch, boxed to a slot.
struct KeyBox {
  std::uint64_t epoch = 0;
  KeySecret secret = KeySecret::repository_key;
  SealedBox box{};

  bool operator==(const KeyBox&) const = default;
};
/// The context of a key box, for seal_box and open_box.
Bytes key_box_context(std::uint64_t epoch, KeySecret secret, const SlotId& slot);

/// Public part.
struct CertificateBody {
  SlotId slot;
  Role role = Role::reader;
  PublicKey signing_key;
  BoxPublicKey box_key;
  std::vector<KeyBox> key_boxes;  ///< to this slot

  bool operator==(const CertificateBody&) const = default;
};
Bytes encode_certificate_body(const CertificateBody& body);
CertificateBody decode_certificate_body(ByteView bytes);

/// Sealed part.
struct CertificateTerms {
  std::string label;                  ///< for people
  std::vector<std::string> hosts;     ///< the host names that the slot may speak for
  std::vector<SlotId> trusted_slots;  ///< against whose packs it deduplicates

  bool operator==(const CertificateTerms&) const = default;
};
Bytes encode_certificate_terms(const CertificateTerms& terms);
CertificateTerms decode_certificate_terms(ByteView bytes);

struct RevocationBody {
  SlotId slot;
  std::uint64_t from = 0;  ///< the slot's entries with this number or a higher one are void
};
Bytes encode_revocation_body(const RevocationBody& body);
RevocationBody decode_revocation_body(ByteView bytes);

/// Feature bits; none exists yet.
struct FeatureBits {
  std::uint64_t compatible = 0;
  std::uint64_t read_only_compatible = 0;
  std::uint64_t incompatible = 0;

  bool operator==(const FeatureBits&) const = default;
};

struct SlotKeyBox {
  SlotId slot;
  KeyBox key_box;

  bool operator==(const SlotKeyBox&) const = default;
};

/// Public part.
struct EpochBody {
  std::uint64_t epoch = 0;
  BoxPublicKey data_key;
  BoxPublicKey metadata_key;
  FeatureBits features;
  std::vector<SlotKeyBox> key_boxes;

  bool operator==(const EpochBody&) const = default;
};
Bytes encode_epoch_body(const EpochBody& body);
EpochBody decode_epoch_body(ByteView bytes);

/// Sealed part of epoch 0's entry.
struct Parameters {
  std::uint32_t average_chunk_bytes = 0;
  Cipher cipher = Cipher::aes_256_gcm;
  std::uint8_t compression_level = 0;
  std::uint8_t parity_data_sectors = 0;  ///< 0: no parity
  std::uint8_t parity_sectors = 0;
  Id family_name;

  bool operator==(const Parameters&) const = default;
};
Bytes encode_parameters(const Parameters& parameters);
Parameters decode_parameters(ByteView bytes);

// ---- drill (sealed: JSON), void (public)

Bytes encode_drill_body(std::string_view json);
std::string decode_drill_body(ByteView bytes);

struct VoidBody {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::vector<Id>
      hashes;  ///< one for each number, zero for an entry that is missing: what the owner saw
};
Bytes encode_void_body(const VoidBody& body);
VoidBody decode_void_body(ByteView bytes);

}  // namespace coppice
