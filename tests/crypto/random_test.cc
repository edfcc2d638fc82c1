#include "crypto/random.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/units.h"
#include "crypto/vectors.h"

using namespace coppice;

TEST_CASE("random bytes differ from draw to draw") {
  CHECK(random_id() != random_id());
  CHECK(random_id<SlotId>() != random_id<SlotId>());
  CHECK_FALSE(std::ranges::equal(random_secret().view(), random_secret().view()));
}

TEST_CASE("every byte of a large request is filled") {
  // Larger than one request to OpenSSL. A stretch of 64 zero bytes is not random.
  Bytes bytes(2 * kMiB + 77);
  fill_random(bytes);
  const Bytes zeros(64);
  CHECK(std::search(bytes.begin(), bytes.end(), zeros.begin(), zeros.end()) == bytes.end());
  fill_random({});
}

TEST_CASE("a cloned generator gives the same secrets and names") {
  CountingRandom original(7);
  CountingRandom clone(7);
  CHECK(std::ranges::equal(random_secret(original).view(), random_secret(clone).view()));
  CHECK(random_id(original) == random_id(clone));
  CHECK(random_id(original) != random_id(original));
}
