#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "base/units.h"
#include "crypto/sign.h"
#include "repo/log_types.h"

/// One entry of the log as a file (docs/format.md, section 5). What storage sees anyway stands in
/// the clear: order, signer, objects added and deleted. What is said of hosts, paths and roots is
/// sealed. All of it is signed.
namespace coppice {

/// Larger entries are neither written nor read, bytes.
inline constexpr std::uint64_t kMaxLogEntryBytes = 64 * kMiB;

enum class ObjectKind : std::uint8_t { pack = 1, index = 2, session = 3 };

/// What stands beside an object to heal it.
enum class Side : std::uint8_t { none = 0, copy = 1, parity = 2 };

/// An object as the log tells it.
struct ObjectRef {
  ObjectKind kind = ObjectKind::pack;
  Side side = Side::none;
  Id name;
  std::uint64_t length = 0;  ///< bytes of the file

  auto operator<=>(const ObjectRef&) const = default;
};

using EntryNonce = std::array<std::uint8_t, 16>;

/// What an entry says.
struct LogEntry {
  LogEntryType type =
      LogEntryType::snapshot;  ///< a parsed entry may hold a value that is not known
  std::uint64_t number = 0;
  Id repository;
  Id predecessor;  ///< BLAKE3 of the file log/(number - 1); zero for 0, or if that cannot be read
  SlotId signer;   ///< zero: the root key
  EntryNonce nonce{};
  std::uint64_t epoch = 0;  ///< whose repository key seals the body
  std::uint64_t checkpoint =
      0;  ///< 1 + number of the newest checkpoint before this entry, 0 if none
  std::vector<ObjectRef> adds;
  std::vector<ObjectRef> deletes;
  Bytes public_body;
  Bytes body;  ///< sealed in the file; not filled by parse_log_entry
};

/// The file of an entry. `repository_key` is that of entry.epoch; the nonce must be fresh. Throws
/// Error{failed} if it would be larger than kMaxLogEntryBytes.
Bytes encode_log_entry(const LogEntry& entry, const Secret32& repository_key,
                       const SigningKey& key);

/// An entry as far as it can be read without a key: nobody vouches for it before its signature is
/// checked.
struct ParsedLogEntry {
  LogEntry plain;  ///< without body
  Bytes file;
  Id hash;                          ///< BLAKE3 of the file: what the successor names
  std::size_t associated_size = 0;  ///< the file's first bytes, to which the sealed body is bound
  std::size_t sealed_offset = 0;
  std::size_t sealed_size = 0;
  std::size_t signed_size = 0;  ///< the file's first bytes, which are signed
  Signature signature;
};

/// Checks the checksum and decodes the plain parts. Throws Error{damaged}; Error{newer_version} for
/// an intact file with a version or object kind that this program does not know.
ParsedLogEntry parse_log_entry(ByteView file);

/// The sealed body in the clear. Throws Error{damaged} if the key does not open it.
Bytes open_log_body(const ParsedLogEntry& entry, const Secret32& repository_key);

/// True if `key` signed this entry for the repository that it names.
bool is_log_entry_signed_by(const ParsedLogEntry& entry, const PublicKey& key);

/// "log/000000000000001f"; the copy's name is made by repo/object_names.h.
std::string log_entry_name(std::uint64_t number);
/// The number in the name of an entry or of its copy; nullopt for other names.
std::optional<std::uint64_t> log_number_of(std::string_view name);

}  // namespace coppice
