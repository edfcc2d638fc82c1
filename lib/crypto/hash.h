#pragma once
#include <blake3.h>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"

namespace coppice {

/// BLAKE3, 32 bytes of output, no key: what `b3sum` prints. Names object files (docs/format.md,
/// section 2). Source: J. O'Connor et al., "BLAKE3: one function, fast everywhere".
Id blake3(ByteView bytes);

/// BLAKE3 over bytes that come in pieces. Allocates nothing; 1.9 KiB large; wiped when destroyed.
/// Not thread-safe.
class Blake3Hasher {
 public:
  /// Without a key.
  Blake3Hasher();
  explicit Blake3Hasher(const Secret32& key);
  Blake3Hasher(const Blake3Hasher&) = delete;
  Blake3Hasher& operator=(const Blake3Hasher&) = delete;
  ~Blake3Hasher();

  void update(ByteView bytes);
  /// The hash of all bytes so far. Changes nothing: more may follow.
  Id finish() const;
  /// As new, with the same key or none.
  void reset();

 private:
  blake3_hasher state_;
};

/// Names a chunk by its content: BLAKE3 under a key of the family, so that storage cannot look for
/// known content (docs/format.md, section 2). May be used from any number of threads at once; a
/// call allocates nothing and copies only the key.
class ChunkIdentity {
 public:
  explicit ChunkIdentity(const Secret32& key) : key_(key.clone()) {}

  Id id(ByteView chunk) const;

 private:
  Secret32 key_;
};

}  // namespace coppice
