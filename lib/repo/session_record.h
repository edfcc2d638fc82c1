#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "crypto/box.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "repo/log_bodies.h"
#include "repo/log_state.h"

/// Sessions (docs/format.md, section 6): one running job that seals blocks. Its two secrets, boxed
/// to the class keys of an epoch, stand in its record from before its first pack on, and later in
/// the log.
namespace coppice {

/// BLAKE3(data secret ‖ metadata secret).
Id session_id_of(const Secret32& data_secret, const Secret32& metadata_secret);
/// The context of a session box, for seal_box and open_box.
Bytes session_box_context(std::uint64_t epoch, ChunkClass chunk_class, const Id& session);
/// A class secret of a session, or nothing if the box is not for this key.
std::optional<Secret32> open_session_box(const SessionBox& box, ChunkClass chunk_class,
                                         const BoxPrivateKey& class_key);

inline constexpr std::uint64_t kMaxSessionRecordBytes = 64 * kKiB;

/// The object `sessions/<id>`.
struct SessionRecord {
  Id repository;
  SessionBox box;
  EntryNonce nonce{};  ///< fresh
  // sealed
  std::string host;  ///< at most kMaxHostNameBytes
  std::uint64_t process_id = 0;
  Timestamp started;

  bool operator==(const SessionRecord&) const = default;
};

/// A running job's own secrets. Move-only.
struct Session {
  Id id;  ///< BLAKE3 of both secrets: a generator that repeats itself repeats the id, and is found
          ///< out
  Secret32 data_secret;
  Secret32 metadata_secret;
  SessionRecord record;

  const Secret32& secret(ChunkClass chunk_class) const {
    return chunk_class == ChunkClass::data ? data_secret : metadata_secret;
  }
  /// As a snapshot entry tells it.
  const SessionBox& box() const { return record.box; }
};

/// Draws both secrets and the record's nonce, and boxes the secrets to the class keys of `epoch`.
/// The rest of the record (repository, box.writer, host, process, time) is the caller's to fill in.
Session make_session(const EpochInfo& keys, std::uint64_t epoch, RandomSource& random);

/// `repository_key` is that of box.epoch, `key` that of the slot box.writer.
Bytes encode_session_record(const SessionRecord& record, const Secret32& repository_key,
                            const SigningKey& key);

/// A record as far as it can be read without a key: nobody vouches for it before its signature is
/// checked.
struct ParsedSessionRecord {
  SessionRecord plain;  ///< without what is sealed
  Bytes file;
  std::size_t associated_size = 0;  ///< the file's first bytes, to which the sealed body is bound
  std::size_t sealed_offset = 0;
  std::size_t sealed_size = 0;
  std::size_t signed_size = 0;
  Signature signature;
};

/// Checks the checksum and decodes the plain parts. Throws Error{damaged}; Error{newer_version} for
/// an intact file with an unknown version.
ParsedSessionRecord parse_session_record(ByteView file);
bool is_session_record_signed_by(const ParsedSessionRecord& record, const PublicKey& key);
/// All of it. Throws Error{damaged} if the key does not open it.
SessionRecord open_session_record(const ParsedSessionRecord& record,
                                  const Secret32& repository_key);

}  // namespace coppice
