#pragma once
#include <memory>

#include "crypto/hash.h"
#include "pack/pack_file.h"
#include "pack/table.h"
#include "repo/keyring.h"
#include "store/store.h"

namespace coppice {

/// A pack whose bytes are all written, but which is not published yet.
struct WrittenPack {
  std::unique_ptr<Store::Upload> upload;
  Id name;
  std::uint64_t length = 0;
  std::vector<BlockInfo> blocks;  ///< in order, the first at kObjectPrefixBytes
};

/// Streams sealed blocks into one pack file (docs/format.md, section 7): blocks as they come, then
/// the signed table. Memory: some 25 MiB for the table. Used by one thread.
class PackStream {
 public:
  PackStream(Store& store, const Keyring& keyring, std::uint64_t epoch);

  /// True if a block of this size still fits below kPackTargetBytes with table and footer, and the
  /// table stays below 10 MiB (300,000 chunks). An empty pack takes any block.
  bool has_room_for(const BlockInfo& info) const;
  void append(BlockInfo info, ByteView sealed);
  bool is_empty() const { return table_.blocks.empty(); }
  /// Seals table and footer; the stream is used up.
  WrittenPack finish();

 private:
  void write(ByteView bytes);

  const Keyring& keyring_;
  ObjectPrefix prefix_;
  std::unique_ptr<Store::Upload> upload_;
  Blake3Hasher hasher_;
  PackTable table_;
  std::uint64_t written_ = 0;
  std::uint64_t table_estimate_ = 0;  ///< never below the encoded table's size
};

}  // namespace coppice
