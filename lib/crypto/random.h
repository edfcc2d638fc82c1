#pragma once
#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"

namespace coppice {

/// Where unpredictable bytes come from. An interface, so that a test can bring a generator that
/// repeats itself, as that of a virtual machine does after it was cloned.
class RandomSource {
 public:
  RandomSource() = default;
  RandomSource(const RandomSource&) = delete;
  RandomSource& operator=(const RandomSource&) = delete;
  virtual ~RandomSource() = default;

  /// Overwrites all of `out`, or throws Error{failed}.
  virtual void fill(MutableByteView out) = 0;
};

/// OpenSSL's generator for private values, seeded by the kernel. May be used from any thread.
RandomSource& system_random();

/// Fills `out` from system_random(). Throws Error{failed} where the generator cannot be seeded.
void fill_random(MutableByteView out);

Secret32 random_secret(RandomSource& source = system_random());

/// A random name, of any FixedId type: `random_id<SlotId>()`.
template <typename FixedIdType = Id>
FixedIdType random_id(RandomSource& source = system_random()) {
  FixedIdType id;
  source.fill(id.bytes);
  return id;
}

}  // namespace coppice
