#include "pack/block_codec.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "compress/probe.h"
#include "crypto/hash.h"

namespace coppice {

Bytes BlockSealer::encode(BlockInfo& info, ByteView raw) {
  info.encoding = 0;
  if (!looks_incompressible(raw)) {
    // Room for less than the raw bytes: a frame that does not fit is no gain, and the block is
    // stored as it is.
    Bytes frame(raw.size() - 1);
    const std::size_t size = compressor_.compress(raw, frame);
    if (size > 0) {
      frame.resize(size);
      info.encoding = kEncodingZstd;
      return frame;
    }
  }
  return to_bytes(raw);
}

bool BlockSealer::reads_back(const BlockInfo& info, ByteView sealed, ByteView raw,
                             const Secret32& key) {
  Aead aead(info.cipher, key);
  Bytes encoded(sealed.size() - kAeadTagBytes);
  if (!aead.open(counter_nonce(info.seal.counter), block_associated_data(info), sealed, encoded))
    return false;
  if ((info.encoding & kEncodingZstd) == 0) {
    return encoded.size() == raw.size() && std::memcmp(encoded.data(), raw.data(), raw.size()) == 0;
  }
  try {
    Bytes plain(raw.size());
    decompressor_.decompress(encoded, plain);
    return std::memcmp(plain.data(), raw.data(), raw.size()) == 0;
  } catch (const Error&) {
    return false;
  }
}

BlockSealer::Sealed BlockSealer::seal(BlockInfo info, ByteView raw, const NextSeal& next_seal,
                                      const ClassSecret& class_secret) {
  info.raw_length = static_cast<std::uint32_t>(raw.size());
  for (int attempt = 0; attempt < 2; ++attempt) {
    info.seal = next_seal(info.chunk_class);
    const Bytes encoded = encode(info, raw);
    const Secret32 key = block_key(class_secret(info.chunk_class), info.chunk_class, info.seal);
    Bytes sealed(encoded.size() + kAeadTagBytes);
    Aead(info.cipher, key)
        .seal(counter_nonce(info.seal.counter), block_associated_data(info), encoded, sealed);
    if (!reads_back(info, sealed, raw, key)) continue;
    info.sealed_length = static_cast<std::uint32_t>(sealed.size());
    info.sealed_hash = blake3(sealed);
    return {std::move(info), std::move(sealed)};
  }
  throw Error(ErrorKind::failed,
              "a block read back differently right after it was sealed, twice: "
              "this machine's memory or processor is not to be trusted; nothing was stored of it");
}

Bytes BlockOpener::open(const BlockInfo& info, ByteView sealed, const Secret32& class_secret,
                        ByteView prefix) {
  if (sealed.size() != info.sealed_length || sealed.size() <= kAeadTagBytes)
    throw_damaged("block has a wrong size");
  Aead aead(info.cipher, block_key(class_secret, info.chunk_class, info.seal));
  Bytes encoded(sealed.size() - kAeadTagBytes);
  if (!aead.open(counter_nonce(info.seal.counter), block_associated_data(info), sealed, encoded)) {
    throw_damaged("block does not open");
  }
  if ((info.encoding & kEncodingZstd) == 0) {
    if (encoded.size() != info.raw_length) throw_damaged("stored block has a wrong size");
    return encoded;
  }
  Bytes raw(info.raw_length);
  decompressor_.decompress(encoded, raw, prefix);
  return raw;
}

}  // namespace coppice
