#include "index/index_object.h"

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "pack/pack_file.h"
#include "pack/table.h"

namespace coppice {
namespace {

constexpr std::string_view kMagic = "cop-idx\n";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kNonceBytes = 16;
constexpr std::size_t kPrefixBytes = 8 + 1 + 7 + 8 + kNonceBytes;
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
  const std::uint64_t total = padded_size(kPrefixBytes + content.size() + kAeadTagBytes);
  if (total > kMaxIndexObjectBytes) throw Error(ErrorKind::failed, "index object too large");
  Bytes plain = content.take();
  plain.resize(static_cast<std::size_t>(total) - kPrefixBytes - kAeadTagBytes);
  std::array<std::uint8_t, kNonceBytes> nonce{};
  fill_random(nonce);
  ByteWriter out;
  out.raw(as_bytes(kMagic));
  out.u8(kVersion);
  for (int i = 0; i < 7; ++i) out.u8(0);
  out.u64(epoch);
  out.raw(nonce);
  Bytes object = out.take();
  object.resize(static_cast<std::size_t>(total));
  index_aead(repository_key, nonce)
      .seal(counter_nonce(0), repository.view(), plain,
            MutableByteView(object).subspan(kPrefixBytes));
  return object;
}

std::uint64_t index_object_epoch(ByteView object) {
  ByteReader in(object, "index object");
  if (as_text(in.raw(kMagic.size())) != kMagic) in.fail("not an index object");
  if (in.u8() != kVersion) {
    throw Error(ErrorKind::newer_version, "index object: unknown version; use a newer coppice");
  }
  const ByteView zeros = in.raw(7);
  if (std::any_of(zeros.begin(), zeros.end(), [](std::uint8_t b) { return b != 0; })) {
    in.fail("reserved bytes are not zero");
  }
  return in.u64();
}

std::vector<IndexedTable> decode_index_object(ByteView object, const Secret32& repository_key,
                                              const Id& repository) {
  index_object_epoch(object);
  if (object.size() < kPrefixBytes + kAeadTagBytes) throw_damaged("index object: cut short");
  const ByteView nonce = object.subspan(kPrefixBytes - kNonceBytes, kNonceBytes);
  Bytes plain(object.size() - kPrefixBytes - kAeadTagBytes);
  if (!index_aead(repository_key, nonce)
           .open(counter_nonce(0), repository.view(), object.subspan(kPrefixBytes), plain)) {
    throw_damaged("index object does not open");
  }
  ByteReader in(plain, "index object");
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
