#include "crypto/random.h"

#include <openssl/rand.h>

#include <algorithm>

#include "base/units.h"
#include "crypto/openssl.h"

namespace coppice {
namespace {

class SystemRandom final : public RandomSource {
 public:
  void fill(MutableByteView out) override {
    // OpenSSL counts in int.
    constexpr std::size_t kMaxRequestBytes = kMiB;
    while (!out.empty()) {
      const std::size_t size = std::min(out.size(), kMaxRequestBytes);
      openssl::require(RAND_priv_bytes(out.data(), static_cast<int>(size)) == 1, "no random bytes");
      out = out.subspan(size);
    }
  }
};

}  // namespace

RandomSource& system_random() {
  // Without state of its own: OpenSSL keeps one generator a thread.
  static SystemRandom random;
  return random;
}

void fill_random(MutableByteView out) { system_random().fill(out); }

Secret32 random_secret(RandomSource& source) {
  Secret32 secret;
  source.fill(secret.mutable_view());
  return secret;
}

}  // namespace coppice
