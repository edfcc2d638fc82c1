#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "index/index.h"
#include "parity/geometry.h"
#include "repo/adopted_packs.h"
#include "repo/block_source.h"
#include "repo/delta_bases.h"
#include "repo/keyring.h"
#include "repo/log_entry.h"
#include "repo/session_record.h"
#include "store/store.h"
#include "task/thread_pool.h"

namespace coppice {

struct ChunkWriterOptions {
  int compression_level = 3;
  Cipher cipher = Cipher::aes_256_gcm;
  std::optional<ParityGeometry> parity;
  std::uint64_t limit_bytes_per_second = 0;  ///< of what is written to the store; 0: none
  /// Where the bases of deltas are read; null: all blocks are plain. Must outlive the writer.
  BlockSource* bases = nullptr;
  /// Where packs of sessions that run at the same time are found, so that little is stored twice;
  /// null: nowhere. Used by the writer alone until `finish`.
  AdoptedPacks* neighbours = nullptr;
};

/// Stores new chunks: looks each up, gathers the unknown ones into blocks in the order in which
/// they are put, seals blocks in parallel, streams them in order into packs, and makes packs and
/// their side files durable in the background.
///
///     put → (block full) → pool: compress, seal, read back → [queue] → packer → [queue] → closer:
///     parity, fsync, rename
///
/// The partition into blocks depends only on what is put, never on the number of workers. Before a
/// pack is published, packs that sessions beside this one published meanwhile are adopted; what
/// they hold is not stored again, nor published if it is in the pack already.
/// Memory: four open blocks, at most 2 × workers + 4 blocks in flight, of which as many as there
/// are workers with all that sealing takes (a plain block 8 MiB, a delta 13 MiB), the others
/// sealed; one pack's table and parity: below 24 MiB + 15 MiB per worker. One thread calls `put`
/// and `finish`. A failure of any stage comes out of the next call.
class ChunkWriter {
 public:
  /// All references must outlive the writer. `session` is fresh; its record is written before the
  /// first pack.
  ChunkWriter(Store& store, ThreadPool& pool, const Keyring& keyring, const Index& index,
              Session session, const ChunkWriterOptions& options);
  ~ChunkWriter();
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  /// Stores `bytes`, whose id is `id`, unless they are stored already; true if they were new. A
  /// chunk with hints goes into a block that is made a delta if that is clearly smaller.
  bool put(ChunkClass chunk_class, const Id& id, ByteView bytes,
           std::span<const BaseHint> hints = {});
  /// True if a `put` of this id would find it stored.
  bool is_stored(const Id& id) const;
  /// Tells that it will be asked for soon; see Index::expect.
  void expect(const Id& id) const;

  /// Waits until everything is durable. To be called once, before the log entry is appended.
  void finish();
  /// The session record and packs that were written, for the log entry; after `finish`. Empty if
  /// nothing was new.
  std::vector<ObjectRef> take_objects();
  /// The session whose secrets sealed them, for the log entry; nullopt if nothing was written.
  std::optional<SessionBox> session_box() const;

  /// Bytes of new chunks before compression, and of the packs made of them; the latter is complete
  /// after `finish`.
  std::uint64_t raw_bytes() const;
  std::uint64_t packed_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coppice
