#include "pack/block_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "compress/probe.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

constexpr std::size_t kSampleBytes = 128 << 10;

}  // namespace

BlockSealer::Encoded BlockSealer::encode_plain(ByteView raw, ReusedBuffer& room) {
  if (looks_incompressible(raw)) return {0, raw};
  // Room for less than the raw bytes: a frame that does not fit is no gain, and the block is
  // stored as it is.
  const MutableByteView frame = room.room(raw.size() - 1);
  const std::size_t size = compressor_.compress(raw, frame);
  if (size == 0) return {0, raw};
  return {kEncodingZstd, frame.first(size)};
}

/// From a sample out of the middle, so a little too much: redundancy over longer distances is not
/// seen.
std::size_t BlockSealer::estimate_plain(ByteView raw) {
  const std::size_t length = std::min(kSampleBytes, raw.size());
  const ByteView sample = raw.subspan((raw.size() - length) / 2, length);
  if (looks_incompressible(sample)) return raw.size();
  const std::size_t size = compressor_.compress(sample, plain_.room(Compressor::bound(length)));
  return static_cast<std::size_t>(static_cast<double>(size) * static_cast<double>(raw.size()) /
                                  static_cast<double>(length));
}

std::optional<BlockSealer::Encoded> BlockSealer::encode_delta(ByteView raw,
                                                              const DeltaTrial& delta) {
  if (delta.prefix.empty()) return std::nullopt;
  const MutableByteView frame = frame_.room(raw.size() - 1);
  const std::size_t size = compressor_.compress_with_prefix(raw, delta.prefix, frame);
  if (size == 0) return std::nullopt;
  const Encoded encoded{kEncodingZstd | kEncodingDelta, frame.first(size)};
  // Mostly a delta is so small, or so large, that an estimate decides.
  const double estimate = delta.largest_share * static_cast<double>(estimate_plain(raw));
  if (static_cast<double>(size) <= estimate / 2) return encoded;
  if (static_cast<double>(size) > estimate * 2) return std::nullopt;
  const double plain = static_cast<double>(encode_plain(raw, plain_).bytes.size());
  if (static_cast<double>(size) > delta.largest_share * plain) return std::nullopt;
  return encoded;
}

BlockSealer::Encoded BlockSealer::encode(ByteView raw, const DeltaTrial& delta) {
  if (const auto encoded = encode_delta(raw, delta)) return *encoded;
  return encode_plain(raw, frame_);
}

bool BlockSealer::reads_back(const BlockInfo& info, ByteView sealed, ByteView raw,
                             const Secret32& key, ByteView prefix) {
  Aead aead(info.cipher, key);
  const MutableByteView encoded = opened_.room(sealed.size() - kAeadTagBytes);
  if (!aead.open(counter_nonce(info.seal.counter), block_associated_data(info), sealed, encoded))
    return false;
  if ((info.encoding & kEncodingZstd) == 0) {
    return encoded.size() == raw.size() && std::memcmp(encoded.data(), raw.data(), raw.size()) == 0;
  }
  try {
    const MutableByteView plain = plain_.room(raw.size());
    decompressor_.decompress(encoded, plain, info.is_delta() ? prefix : ByteView());
    return std::memcmp(plain.data(), raw.data(), raw.size()) == 0;
  } catch (const Error&) {
    return false;
  }
}

BlockSealer::Sealed BlockSealer::seal(BlockInfo info, ByteView raw, const NextSeal& next_seal,
                                      const ClassSecret& class_secret, const DeltaTrial& delta) {
  info.raw_length = static_cast<std::uint32_t>(raw.size());
  const std::vector<BlockBase> bases = std::exchange(info.bases, {});
  for (int attempt = 0; attempt < 2; ++attempt) {
    info.seal = next_seal(info.chunk_class);
    const auto [encoding, encoded] = encode(raw, delta);
    info.encoding = encoding;
    info.bases = info.is_delta() ? bases : std::vector<BlockBase>();
    const Secret32 key = block_key(class_secret(info.chunk_class), info.chunk_class, info.seal);
    UnsetBytes sealed(encoded.size() + kAeadTagBytes);
    Aead(info.cipher, key)
        .seal(counter_nonce(info.seal.counter), block_associated_data(info), encoded, sealed);
    if (!reads_back(info, sealed, raw, key, delta.prefix)) continue;
    info.sealed_length = static_cast<std::uint32_t>(sealed.size());
    info.sealed_hash = blake3(sealed);
    return {std::move(info), std::move(sealed)};
  }
  throw Error(ErrorKind::failed,
              "a block read back differently right after it was sealed, twice: "
              "this machine's memory or processor is not to be trusted; nothing was stored of it");
}

RawBlock BlockOpener::open(const BlockInfo& info, ByteView sealed, const Secret32& class_secret,
                           ByteView prefix) {
  if (sealed.size() != info.sealed_length || sealed.size() <= kAeadTagBytes)
    throw_damaged("block has a wrong size");
  Aead aead(info.cipher, block_key(class_secret, info.chunk_class, info.seal));
  const auto open_into = [&](MutableByteView out) {
    if (!aead.open(counter_nonce(info.seal.counter), block_associated_data(info), sealed, out))
      throw_damaged("block does not open");
  };
  const std::size_t encoded_size = sealed.size() - kAeadTagBytes;
  if ((info.encoding & kEncodingZstd) == 0) {
    if (encoded_size != info.raw_length) throw_damaged("stored block has a wrong size");
    RawBlock raw(encoded_size);
    open_into(raw);
    return raw;
  }
  const MutableByteView encoded = encoded_.room(encoded_size);
  open_into(encoded);
  RawBlock raw(info.raw_length);
  decompressor_.decompress(encoded, raw, prefix);
  return raw;
}

}  // namespace coppice
