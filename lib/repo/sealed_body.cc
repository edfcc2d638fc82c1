#include "repo/sealed_body.h"

#include <algorithm>
#include <string>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/aead.h"

namespace coppice {
namespace {

std::size_t padded(std::size_t size) {
  return (size + kBodyPaddingBytes - 1) / kBodyPaddingBytes * kBodyPaddingBytes;
}

}  // namespace

Bytes seal_body(const Secret32& key, ByteView associated, ByteView body) {
  ByteWriter writer;
  writer.counted(body);
  Bytes plain = writer.take();
  plain.resize(padded(plain.size()));
  Bytes sealed(plain.size() + kAeadTagBytes);
  Aead(Cipher::aes_256_gcm, key).seal(counter_nonce(0), associated, plain, sealed);
  return sealed;
}

Bytes open_body(const Secret32& key, ByteView associated, ByteView sealed, std::string_view what) {
  Bytes plain(sealed.size() < kAeadTagBytes ? 0 : sealed.size() - kAeadTagBytes);
  if (!Aead(Cipher::aes_256_gcm, key).open(counter_nonce(0), associated, sealed, plain)) {
    throw_damaged(std::string(what) + ": the sealed body does not open");
  }
  ByteReader reader(plain, what);
  const ByteView body = reader.counted(plain.size(), "body");
  const ByteView padding = reader.raw(reader.remaining());
  const bool is_canonical =
      padding.size() < kBodyPaddingBytes && plain.size() % kBodyPaddingBytes == 0 &&
      std::all_of(padding.begin(), padding.end(), [](std::uint8_t byte) { return byte == 0; });
  if (!is_canonical) reader.fail("sealed body padded wrongly");
  return to_bytes(body);
}

}  // namespace coppice
