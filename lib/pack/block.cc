#include "pack/block.h"

#include "base/codec.h"
#include "crypto/kdf.h"

namespace coppice {

Secret32 block_key(const Secret32& class_secret, ChunkClass chunk_class, const BlockSeal& seal) {
  ByteWriter info;
  info.u8(static_cast<std::uint8_t>(chunk_class));
  info.id(seal.session);
  info.u64(seal.ordinal);
  return hkdf_sha256(class_secret.view(), {}, "coppice/1 block", info.bytes());
}

Bytes block_associated_data(const BlockInfo& info) {
  ByteWriter out;
  out.u8(1);
  out.u8(static_cast<std::uint8_t>(info.chunk_class));
  out.u8(info.encoding);
  out.id(info.seal.session);
  out.u64(info.seal.ordinal);
  out.u64(info.seal.counter);
  out.u32(info.raw_length);
  return out.take();
}

}  // namespace coppice
