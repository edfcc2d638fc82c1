#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "pack/table.h"
#include "parity/geometry.h"
#include "repo/keyring.h"
#include "repo/log_state.h"
#include "repo/pack_stream.h"
#include "store/store.h"

namespace coppice {

/// The sealed bytes of a block, proved by their hash; of a small pack from its second copy if the
/// first does not do. Throws Error{damaged}.
Bytes read_sealed_block(Store& store, const Id& pack, std::uint64_t offset, const BlockInfo& info);

/// Moves sealed blocks, unopened, into new packs that this slot signs: so whoever cannot read
/// contents can join packs and leave out what is dead (docs/format.md, section 7). The new packs
/// are durable when `finish` returns; that the log names them is for the caller to do.
///
/// Moving vouches: the table that says which chunks are in the blocks gets this slot's signature.
/// Whoever is trusted by others must have proved it first, or trust who signed it.
/// Memory: one block, one table, one pack's parity.
class BlockMover {
 public:
  BlockMover(Store& store, const Keyring& keyring, const LogState& state,
             std::optional<ParityGeometry> parity);

  /// True for the blocks that are to be moved, by their position in the pack.
  using IsWanted = std::function<bool(std::size_t block)>;
  /// Adds blocks of one pack, in order. Throws Error{damaged} if its table or a wanted block is not
  /// whole: what was added before stays added.
  void add(const Id& pack, std::uint64_t length, const IsWanted& is_wanted);
  /// Publishes the last pack, if anything is in it.
  void finish();
  /// Called whenever a pack has been published: all that `add` has returned from is in it or in
  /// those before it.
  void on_publish(std::function<void()> call) { on_publish_ = std::move(call); }

  /// What was published since the last call: what the log must name.
  std::vector<ObjectRef> take_published() { return std::exchange(objects_, {}); }

  /// The sessions whose secrets open what was added.
  const std::set<Id>& sessions() const { return sessions_; }
  /// Bytes of the packs published so far, without side files.
  std::uint64_t written_bytes() const { return written_bytes_; }

 private:
  PackTable read_table(const Id& pack, std::uint64_t length) const;
  void publish();

  Store& store_;
  const Keyring& keyring_;
  const LogState& state_;
  const std::optional<ParityGeometry> parity_;
  std::unique_ptr<PackStream> open_;
  std::vector<ObjectRef> objects_;
  std::function<void()> on_publish_ = [] {};
  std::set<Id> sessions_;
  std::uint64_t written_bytes_ = 0;
};

}  // namespace coppice
