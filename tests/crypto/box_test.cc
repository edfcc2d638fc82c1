#include "crypto/box.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "crypto/vectors.h"

using namespace coppice;

namespace {

const ByteView kContext = as_bytes("epoch 1, session 2");

BoxPublicKey box_key_hex(std::string_view text) { return BoxPublicKey::from(hex(text)); }

}  // namespace

TEST_CASE("X25519 agrees with RFC 7748, section 6.1") {
  const BoxPrivateKey alice(
      secret_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const BoxPrivateKey bob(
      secret_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  CHECK(alice.public_key().hex() ==
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  CHECK(bob.public_key().hex() ==
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  for (const auto& shared :
       {alice.try_agree(bob.public_key()), bob.try_agree(alice.public_key())}) {
    REQUIRE(shared.has_value());
    CHECK(to_hex(shared->view()) ==
          "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  }
}

TEST_CASE("a box is as its format says") {
  // Computed from the text of the format with Python's cryptography package.
  CountingRandom random(1);
  const BoxPrivateKey recipient(counting_secret(101));
  const SealedBox box = seal_box(recipient.public_key(), kContext, counting_secret(200), random);
  CHECK(to_hex(box) ==
        "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c"
        "a86fac2de352506e4748b9bfdf85e2903a76da126928a99b7add3dcaabe6366f"
        "de5662011756fb97a2d986e502e86d9190670477939224a4d54e29d46ce250c7"
        "9a4295e6dd37fb782021de760e601b9f");
}

TEST_CASE("a box opens for its recipient, in its context") {
  const BoxPrivateKey recipient = BoxPrivateKey::generate(system_random());
  const BoxPrivateKey stranger = BoxPrivateKey::generate(system_random());
  const Secret32 secret = random_secret();
  const SealedBox box = seal_box(recipient.public_key(), kContext, secret, system_random());
  const auto opened = open_box(recipient, kContext, box);
  REQUIRE(opened.has_value());
  CHECK(std::ranges::equal(opened->view(), secret.view()));
  const BoxPrivateKey again(recipient.seed().clone());
  CHECK(open_box(again, kContext, box).has_value());

  CHECK_FALSE(open_box(stranger, kContext, box).has_value());
  CHECK_FALSE(open_box(recipient, as_bytes("epoch 1, session 3"), box).has_value());
  CHECK_FALSE(open_box(recipient, {}, box).has_value());
}

TEST_CASE("a box altered in any bit does not open") {
  CountingRandom random(1);
  const BoxPrivateKey recipient(counting_secret(50));
  const SealedBox box = seal_box(recipient.public_key(), {}, counting_secret(0), random);
  REQUIRE(open_box(recipient, {}, box).has_value());
  for (std::size_t bit = 0; bit < box.size() * 8; ++bit) {
    CAPTURE(bit);
    SealedBox flipped = box;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    CHECK_FALSE(open_box(recipient, {}, flipped).has_value());
  }
}

TEST_CASE("points of small order are refused on both sides") {
  // All make X25519 zero: RFC 7748, section 7; the list is that of cr.yp.to/ecdh.html.
  constexpr std::string_view kSmallOrder[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
  const BoxPrivateKey recipient(counting_secret(50));
  for (const std::string_view text : kSmallOrder) {
    CAPTURE(text);
    const BoxPublicKey point = box_key_hex(text);
    CHECK_FALSE(recipient.try_agree(point).has_value());
    try {
      seal_box(point, {}, counting_secret(0), system_random());
      FAIL("sealed");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::damaged);
    }
    SealedBox box{};
    std::ranges::copy(point.bytes, box.begin());
    CHECK_FALSE(open_box(recipient, {}, box).has_value());
  }
}

TEST_CASE("two boxes of one secret have nothing in common") {
  const BoxPrivateKey recipient(counting_secret(50));
  const Secret32 secret = counting_secret(0);
  const SealedBox first = seal_box(recipient.public_key(), {}, secret, system_random());
  const SealedBox second = seal_box(recipient.public_key(), {}, secret, system_random());
  for (std::size_t at = 0; at < first.size(); at += 16) {
    CHECK_FALSE(std::equal(first.begin() + static_cast<std::ptrdiff_t>(at),
                           first.begin() + static_cast<std::ptrdiff_t>(at + 16),
                           second.begin() + static_cast<std::ptrdiff_t>(at)));
  }
}

TEST_CASE("a context beyond the bound is an error") {
  const BoxPrivateKey recipient(counting_secret(50));
  const Secret32 secret = counting_secret(0);
  CHECK_NOTHROW(seal_box(recipient.public_key(), Bytes(900), secret, system_random()));
  CHECK_THROWS_AS(seal_box(recipient.public_key(), Bytes(1000), secret, system_random()), Error);
}
