#include "crypto/hash.h"

#include <string.h>

namespace coppice {

Blake3Hasher::Blake3Hasher() { blake3_hasher_init(&state_); }

Blake3Hasher::Blake3Hasher(const Secret32& key) {
  blake3_hasher_init_keyed(&state_, key.view().data());
}

// The state holds the key, and the last bytes hashed.
Blake3Hasher::~Blake3Hasher() { explicit_bzero(&state_, sizeof state_); }

void Blake3Hasher::update(ByteView bytes) {
  blake3_hasher_update(&state_, bytes.data(), bytes.size());
}

Id Blake3Hasher::finish() const {
  static_assert(Id::kSize == BLAKE3_OUT_LEN);
  Id id;
  blake3_hasher_finalize(&state_, id.bytes.data(), id.bytes.size());
  return id;
}

void Blake3Hasher::reset() { blake3_hasher_reset(&state_); }

Id blake3(ByteView bytes) {
  Blake3Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

Id ChunkIdentity::id(ByteView chunk) const {
  Blake3Hasher hasher(key_);
  hasher.update(chunk);
  return hasher.finish();
}

}  // namespace coppice
