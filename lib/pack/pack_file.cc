#include "pack/pack_file.h"

#include <bit>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/random.h"

namespace coppice {
namespace {

constexpr std::uint64_t kTableCounter = 0;
constexpr std::uint64_t kFooterCounter = 1;

Aead table_aead(const ObjectPrefix& prefix, const Secret32& repository_key) {
  return {Cipher::aes_256_gcm,
          hkdf_sha256(repository_key.view(), {}, "coppice/1 table", prefix.nonce)};
}

}  // namespace

std::uint64_t padded_size(std::uint64_t size) {
  if (size <= kMinPaddedBytes) return kMinPaddedBytes;
  const int e = static_cast<int>(std::bit_width(size)) - 1;
  const int s = static_cast<int>(std::bit_width(static_cast<unsigned>(e)));
  const std::uint64_t step = std::uint64_t{1} << (e - s);
  return (size + step - 1) & ~(step - 1);
}

Bytes seal_pack_tail(const ObjectPrefix& prefix, const Secret32& repository_key,
                     const Id& repository, std::uint64_t table_offset, ByteView encoded_table) {
  const std::uint64_t table_length = encoded_table.size() + kAeadTagBytes;
  const std::uint64_t total = padded_size(table_offset + table_length + kPackFooterBytes);
  Bytes tail(static_cast<std::size_t>(total - table_offset));
  const MutableByteView view(tail);
  Aead aead = table_aead(prefix, repository_key);
  const auto sealed_length = static_cast<std::size_t>(table_length);
  aead.seal(counter_nonce(kTableCounter), repository.view(), encoded_table,
            view.first(sealed_length));
  // Random, so that storage cannot tell the padding from the sealed table before it.
  fill_random(view.subspan(sealed_length, view.size() - sealed_length - kPackFooterBytes));
  ByteWriter footer;
  footer.u64(table_offset);
  footer.u64(table_length);
  aead.seal(counter_nonce(kFooterCounter), repository.view(), footer.bytes(),
            view.last(kPackFooterBytes));
  return tail;
}

TablePlace open_pack_footer(const ObjectPrefix& prefix, const Secret32& repository_key,
                            const Id& repository, ByteView footer, std::uint64_t pack_length) {
  Bytes plain(kPackFooterBytes - kAeadTagBytes);
  Aead aead = table_aead(prefix, repository_key);
  if (footer.size() != kPackFooterBytes ||
      !aead.open(counter_nonce(kFooterCounter), repository.view(), footer, plain)) {
    throw_damaged("pack footer does not open");
  }
  ByteReader in(plain, "pack footer");
  TablePlace place;
  place.offset = in.u64();
  place.length = in.u64();
  const bool fits = place.offset >= kObjectPrefixBytes && place.offset <= pack_length &&
                    place.length > kAeadTagBytes && place.length <= kMaxTableBytesSealed &&
                    place.length <= pack_length - place.offset;
  if (!fits) throw_damaged("pack footer names a table outside the pack");
  return place;
}

Bytes open_pack_table(const ObjectPrefix& prefix, const Secret32& repository_key,
                      const Id& repository, ByteView sealed_table) {
  if (sealed_table.size() <= kAeadTagBytes) throw_damaged("pack table cut short");
  Bytes plain(sealed_table.size() - kAeadTagBytes);
  Aead aead = table_aead(prefix, repository_key);
  if (!aead.open(counter_nonce(kTableCounter), repository.view(), sealed_table, plain)) {
    throw_damaged("pack table does not open");
  }
  return plain;
}

}  // namespace coppice
