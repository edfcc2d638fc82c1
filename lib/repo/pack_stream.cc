#include "repo/pack_stream.h"

#include "crypto/random.h"

namespace coppice {
namespace {

// Upper bounds of encoded sizes (docs/format.md, section 7): varints at their longest.
constexpr std::uint64_t kTableFixedBytes = 1 + 10 + 32 + 10 + 16 + 64 + kAeadTagBytes;
constexpr std::uint64_t kBlockEntryBytes = 3 + 10 + 10 + 10 + 5 + 32 + 5 + 3 + 10 + 32;
constexpr std::uint64_t kChunkEntryBytes = 32 + 4;
constexpr std::uint64_t kBaseEntryBytes = 32 + 4;

/// A pack of nothing but tiny files would have millions of chunks, and whoever reads its table
/// holds all of it. The pack is still above what a collector calls small (lib/prune/pack_plan.h):
/// or it would be joined with others again and again.
constexpr std::uint64_t kTableTargetBytes = 10ULL << 20;

std::uint64_t entry_estimate(const BlockInfo& info) {
  return kBlockEntryBytes + info.chunks.size() * kChunkEntryBytes +
         info.bases.size() * kBaseEntryBytes;
}

}  // namespace

PackStream::PackStream(Store& store, const Keyring& keyring, std::uint64_t epoch)
    : keyring_(keyring), upload_(store.begin_upload()), table_estimate_(kTableFixedBytes) {
  prefix_.epoch = epoch;
  fill_random(prefix_.nonce);
  table_.signer = keyring.slot();
  write(prefix_.encode(kPackMagic));
}

bool PackStream::has_room_for(const BlockInfo& info) const {
  const std::uint64_t table = table_estimate_ + entry_estimate(info);
  return is_empty() ||
         (table <= kTableTargetBytes &&
          written_ + info.sealed_length + table + kPackFooterBytes <= kPackTargetBytes);
}

void PackStream::write(ByteView bytes) {
  upload_->append(bytes);
  hasher_.update(bytes);
  written_ += bytes.size();
}

void PackStream::append(BlockInfo info, ByteView sealed) {
  write(sealed);
  table_estimate_ += entry_estimate(info);
  table_.blocks.push_back(std::move(info));
}

WrittenPack PackStream::finish() {
  const Bytes table = encode_table(table_, keyring_.repository(), keyring_.signing_key());
  write(seal_pack_tail(prefix_, keyring_.repository_key(prefix_.epoch), keyring_.repository(),
                       written_, table));
  return {std::move(upload_), hasher_.finish(), written_, std::move(table_.blocks)};
}

}  // namespace coppice
