#include "repo/block_mover.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "crypto/hash.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/side_file.h"

namespace coppice {

Bytes read_sealed_block(Store& store, const Id& pack, std::uint64_t offset, const BlockInfo& info) {
  std::optional<Error> first;
  const std::string name = pack_name(pack);
  for (const std::string& object : {name, copy_name(name)}) {
    try {
      Bytes sealed(info.sealed_length);
      store.read(object, offset, sealed);
      if (blake3(sealed) == info.sealed_hash) return sealed;
      throw_damaged(object + ": a block is not what its table says");
    } catch (const Error& error) {  // per item: the second copy may be whole
      if (!error.is_about_bytes()) throw;
      if (!first) first = error;
    }
  }
  throw *first;
}

BlockMover::BlockMover(Store& store, const Keyring& keyring, const LogState& state,
                       std::optional<ParityGeometry> parity)
    : store_(store), keyring_(keyring), state_(state), parity_(parity) {}

PackTable BlockMover::read_table(const Id& pack, std::uint64_t length) const {
  const Bytes bytes = read_pack_table(store_, keyring_, pack, length);
  PackTable table = decode_table(bytes);
  const auto certificate = state_.certificates.find(table.signer);
  if (certificate == state_.certificates.end() ||
      !is_table_signed_by(bytes, keyring_.repository(), certificate->second.body.signing_key)) {
    throw_damaged(pack_name(pack) + ": its table is not signed by a known slot");
  }
  return table;
}

void BlockMover::add(const Id& pack, std::uint64_t length, const IsWanted& is_wanted) {
  PackTable table = read_table(pack, length);
  std::uint64_t offset = kObjectPrefixBytes;
  for (std::size_t i = 0; i < table.blocks.size(); ++i) {
    BlockInfo& info = table.blocks[i];
    const std::uint64_t at = offset;
    offset += info.sealed_length;
    if (!is_wanted(i)) continue;
    const Bytes sealed = read_sealed_block(store_, pack, at, info);
    if (open_ && !open_->has_room_for(info)) publish();
    if (!open_) {
      open_ = std::make_unique<PackStream>(store_, keyring_, state_.newest_epoch());
    }
    sessions_.insert(info.seal.session);
    open_->append(std::move(info), sealed);
  }
}

void BlockMover::publish() {
  WrittenPack pack = std::exchange(open_, nullptr)->finish();
  const std::string name = pack_name(pack.name);
  const Side side = side_for(pack.length, parity_);
  const std::unique_ptr<Store::Upload> upload = std::move(pack.upload);
  write_side_file(
      store_, name, pack.name, pack.length, side, parity_,
      [&](std::uint64_t offset, MutableByteView out) { upload->read_back(offset, out); });
  upload->commit(name);
  objects_.push_back({ObjectKind::pack, side, pack.name, pack.length});
  written_bytes_ += pack.length;
  on_publish_();
}

void BlockMover::finish() {
  if (open_) publish();
}

}  // namespace coppice
