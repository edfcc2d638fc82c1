#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "snapshot/node.h"

/// The facts of one backup, signed by the slot that made it (docs/format.md, section 10). The
/// signature is part of the record, so it stays provable when the record is copied to another
/// repository.
namespace coppice {

/// Largest encoded record, bytes.
inline constexpr std::size_t kMaxSnapshotRecordBytes = kMiB;

/// What the backup did; the names are those of the JSON output.
struct SnapshotSummary {
  std::uint64_t files_new = 0;
  std::uint64_t files_changed = 0;
  std::uint64_t files_unmodified = 0;
  std::uint64_t dirs_new = 0;
  std::uint64_t dirs_changed = 0;
  std::uint64_t dirs_unmodified = 0;
  std::uint64_t data_blobs = 0;         ///< data chunks stored
  std::uint64_t tree_blobs = 0;         ///< metadata chunks stored
  std::uint64_t data_added = 0;         ///< raw bytes stored
  std::uint64_t data_added_packed = 0;  ///< the same as they lie in packs
  std::uint64_t total_files_processed = 0;
  std::uint64_t total_bytes_processed = 0;
  std::uint64_t duration_ms = 0;
  std::uint64_t error_count = 0;

  bool operator==(const SnapshotSummary&) const = default;
};

/// Who signed a record, and where.
struct SnapshotOrigin {
  Id repository;
  SlotId slot;
  PublicKey key;
  Signature signature;

  bool operator==(const SnapshotOrigin&) const = default;
};

struct SnapshotRecord {
  bool is_time_given = false;  ///< by --time: the snapshot is not "latest"
  bool is_imported = false;    ///< from an archive: not "latest" either
  bool is_incomplete = false;  ///< some entries could not be read
  /// Attributes trusted.* were hidden from whoever made it; there may have been some.
  bool lacks_trusted_xattrs = false;
  Timestamp time;
  std::int32_t utc_offset_minutes = 0;  ///< east of UTC; less than a day
  std::string host;
  std::string user;
  std::vector<std::string> paths;  ///< absolute, bytes
  std::vector<std::string> tags;   ///< as given at the backup; the log may add and remove some
  Node root;                       ///< "/" itself: a directory without a name, with its tree
  std::optional<Id> parent;
  SnapshotSummary summary;
  std::string program_version;
  SnapshotOrigin origin;  ///< of a decoded record; encode_snapshot makes its own

  bool operator==(const SnapshotRecord&) const = default;
};

/// Which of the names that a person gives (host, paths, tags) no record can hold, or nothing. To be
/// asked before a backup begins: encode_snapshot refuses them when all is stored.
std::string_view problem_of_names(const SnapshotRecord& record);

/// Encodes and signs as `slot` of `repository`; record.origin is not looked at. Throws
/// Error{failed} if a field or the whole is too large or breaks the page.
Bytes encode_snapshot(const SnapshotRecord& record, const SigningKey& key, const Id& repository,
                      const SlotId& slot);
/// Decodes without judging the signature. Throws Error{damaged}; Error{newer_version} for an
/// unknown version.
SnapshotRecord decode_snapshot(ByteView encoded);
/// True if the holder of the key that the record itself names signed it. Whether that key may be
/// believed is for the caller to know. False for bytes that are no record.
[[nodiscard]] bool is_snapshot_signed(ByteView encoded);
/// The snapshot's id: the keyed hash of the whole record.
Id snapshot_id(const Secret32& metadata_id_key, ByteView encoded);

}  // namespace coppice
