#include "index/index_object.h"

#include <algorithm>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "pack/object_prefix.h"
#include "pack/pack_file.h"
#include "pack/table.h"

namespace coppice {
namespace {

constexpr std::string_view kWhat = "index object";
constexpr std::size_t kMinTableEntryBytes = 32 + 1 + 1;

Aead index_aead(const Secret32& repository_key, ByteView nonce) {
  return {Cipher::aes_256_gcm, hkdf_sha256(repository_key.view(), {}, "coppice/1 index", nonce)};
}

}  // namespace

Bytes encode_index_object(const std::vector<IndexedTable>& tables, std::uint64_t epoch,
                          const Secret32& repository_key, const Id& repository) {
  ByteWriter content;
  content.varint(tables.size());
  for (const IndexedTable& table : tables) {
    content.id(table.pack);
    content.varint(table.pack_length);
    content.counted(table.table);
  }
  const std::uint64_t total = padded_size(kObjectPrefixBytes + content.size() + kAeadTagBytes);
  if (total > kMaxIndexObjectBytes) throw Error(ErrorKind::failed, "index object too large");
  Bytes plain = content.take();
  plain.resize(static_cast<std::size_t>(total) - kObjectPrefixBytes - kAeadTagBytes);
  ObjectPrefix prefix;
  prefix.epoch = epoch;
  fill_random(prefix.nonce);
  Bytes object = prefix.encode(kIndexMagic);
  object.resize(static_cast<std::size_t>(total));
  index_aead(repository_key, prefix.nonce)
      .seal(counter_nonce(0), repository.view(), plain,
            MutableByteView(object).subspan(kObjectPrefixBytes));
  return object;
}

std::uint64_t index_object_epoch(ByteView object) {
  return ObjectPrefix::decode(object, kIndexMagic, kWhat).epoch;
}

std::vector<IndexedTable> decode_index_object(ByteView object, const Secret32& repository_key,
                                              const Id& repository) {
  const ObjectPrefix prefix = ObjectPrefix::decode(object, kIndexMagic, kWhat);
  if (object.size() < kObjectPrefixBytes + kAeadTagBytes) throw_damaged("index object: cut short");
  Bytes plain(object.size() - kObjectPrefixBytes - kAeadTagBytes);
  if (!index_aead(repository_key, prefix.nonce)
           .open(counter_nonce(0), repository.view(), object.subspan(kObjectPrefixBytes), plain)) {
    throw_damaged("index object does not open");
  }
  ByteReader in(plain, kWhat);
  std::vector<IndexedTable> tables(in.count(kMinTableEntryBytes, plain.size(), "table count"));
  for (IndexedTable& table : tables) {
    table.pack = in.id();
    table.pack_length = in.varint_max(kMaxPackBytes, "pack length");
    table.table = to_bytes(in.counted(kMaxTableBytes, "table"));
  }
  const ByteView padding = in.raw(in.remaining());
  if (std::any_of(padding.begin(), padding.end(), [](std::uint8_t b) { return b != 0; })) {
    in.fail("padding is not zero");
  }
  return tables;
}

}  // namespace coppice
