#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/finding.h"
#include "chunk/chunker.h"
#include "index/index.h"
#include "parity/geometry.h"
#include "repo/adopted_packs.h"
#include "repo/export.h"
#include "repo/header.h"
#include "repo/host_state.h"
#include "repo/keyring.h"
#include "repo/log.h"
#include "repo/session_secrets.h"
#include "repo/slot.h"
#include "store/store.h"

namespace coppice {

/// What `init` may choose; the rest is fixed by the format.
struct InitOptions {
  std::uint32_t average_chunk_bytes = 128 << 10;
  std::uint8_t compression_level = 3;
  Cipher cipher = preferred_cipher();
  std::optional<ParityGeometry> parity = ParityGeometry{};
  ScryptParams scrypt;
  std::string program;                          ///< "coppice 0.1.0"
  std::string slot_label;                       ///< sealed into the owner's certificate
  const Keyring* like_keyring = nullptr;        ///< join this repository's family …
  const Parameters* like_parameters = nullptr;  ///< … with its chunk size
};

/// Makes a repository in an empty store: one owner slot for each credential (at least one), all of
/// the same owner keys' epoch. The header is written last, so an interrupted `init` leaves no
/// repository. Returns the repository's id.
Id init_repository(Store& store, const std::vector<Credential>& credentials,
                   const InitOptions& options, RandomSource& random);

struct OpenOptions {
  /// Header and slots from an export, used instead of the repository's own, and its root-signed
  /// log entries, used where the repository's own are lost. May be null.
  const HeaderExport* header_export = nullptr;
  /// Remembers the log's tail between runs, to notice a rollback. Null: nothing is remembered.
  HostState* host_state = nullptr;
};

/// How the index is to be loaded.
struct IndexOptions {
  /// For a backup: packs are listed, and those that are missing, have a wrong size, or come from a
  /// writer that this slot does not trust count as not stored; finished packs of this slot's
  /// interrupted sessions are adopted.
  bool for_writing = false;
  /// Directory of the local index cache; empty: none.
  std::string cache_directory;
  /// For whoever reads what snapshots hold: where entries of the log are lost, packs that no entry
  /// names are looked into, too. Never for a collector.
  bool with_unlogged = false;
};

/// An index and what a backup must say in the log to rely on it.
struct LoadedIndex {
  Index index;
  std::unique_ptr<AdoptedPacks> adopted;  ///< not null; refers to the repository
};

/// An opened repository: keys, log, and the ways to chunks. Owned by one thread; what it hands out
/// by const reference may be used by others as long as no member function is called that is not
/// const.
class Repository {
 public:
  /// Throws Error{no_repository}, Error{no_key} if no slot opens, Error{newer_version},
  /// Error{damaged} if header, slots or log are beyond use or the log was rolled back. What is
  /// merely damaged and healable is reported.
  static std::unique_ptr<Repository> open(Store& store, const Credential& credential,
                                          const OpenOptions& options, FindingSink& findings);
  ~Repository();

  Store& store() const { return store_; }
  const Id& id() const { return keyring_.repository(); }
  const Keyring& keyring() const { return keyring_; }
  const LogState& state() const { return log_->state(); }
  const Parameters& parameters() const { return *state().parameters; }
  std::optional<ParityGeometry> parity() const;
  Chunker chunker() const;
  Log& log() { return *log_; }
  SessionSecrets& secrets() { return *secrets_; }

  /// Reads entries that came since; remembers the tail.
  void refresh();
  /// Appends an entry (Log::append) and remembers the tail; returns the entry's number.
  std::uint64_t append(const Log::MakeEntry& make);

  /// Reads what is missing in the cache from index objects and pack tables. Tables that cannot be
  /// read are reported; the rest is used.
  LoadedIndex load_index(const IndexOptions& options, FindingSink& findings);

  /// A fresh session of the newest epoch. Throws Error{no_session} if the random generator repeats
  /// itself.
  Session begin_session(RandomSource& random, const std::string& host, Timestamp now) const;

  /// After a backup: puts what is missing of header, slots and their second copies, merges tables
  /// that no index object holds yet into index objects once there are many, and appends a
  /// checkpoint once the log has grown long; each only if this slot may.
  void maintain(FindingSink& findings);

  /// Header, slots and root-signed entries, for `key export`.
  HeaderExport make_export() const;

 private:
  Repository(Store& store, Keyring keyring, Header header, HostState* host_state);
  std::vector<SessionBox> find_session_boxes(const Id& session) const;
  SessionRecord read_session_record(const Id& session) const;
  void merge_tables();
  void expect_no_rollback();
  void remember_tail();

  Store& store_;
  Keyring keyring_;
  Header header_;
  HostState* host_state_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<SessionSecrets> secrets_;
};

}  // namespace coppice
