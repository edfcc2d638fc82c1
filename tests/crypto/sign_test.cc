#include "crypto/sign.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "crypto/vectors.h"

using namespace coppice;

namespace {

struct SignedMessage {
  std::string_view seed, public_key, message, signature;
};

/// RFC 8032, section 7.1, tests 1 to 3.
constexpr SignedMessage kSignedMessages[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "659"
     "4a7c15e9716ed28dc027beceea1ec40a"}};

}  // namespace

TEST_CASE("Ed25519 agrees with RFC 8032") {
  for (const SignedMessage& vector : kSignedMessages) {
    const SigningKey key(secret_hex(vector.seed));
    const Bytes message = hex(vector.message);
    CHECK(key.public_key().hex() == vector.public_key);
    CHECK(key.sign(message).hex() == vector.signature);
    CHECK(is_signed_by(PublicKey::from(hex(vector.public_key)), message,
                       Signature::from(hex(vector.signature))));
  }
}

TEST_CASE("a signature holds for its message and its key only") {
  const SigningKey key(counting_secret(1));
  const SigningKey other(counting_secret(2));
  const Bytes message = counting_bytes(300);
  const Signature signature = key.sign(message);
  CHECK(is_signed_by(key.public_key(), message, signature));
  CHECK_FALSE(is_signed_by(other.public_key(), message, signature));
  CHECK_FALSE(is_signed_by(key.public_key(), ByteView(message).first(299), signature));
  CHECK_FALSE(is_signed_by(key.public_key(), {}, signature));
  for (std::size_t bit = 0; bit < Signature::kSize * 8; ++bit) {
    Signature flipped = signature;
    flipped.bytes[bit / 8] = static_cast<std::uint8_t>(flipped.bytes[bit / 8] ^ (1U << (bit % 8)));
    CHECK_FALSE(is_signed_by(key.public_key(), message, flipped));
  }
}

TEST_CASE("a key that is no point of the curve has signed nothing") {
  PublicKey key;
  key.bytes.fill(0xFF);
  CHECK_FALSE(is_signed_by(key, as_bytes("message"), Signature{}));
}

TEST_CASE("an unset key has signed nothing") {
  // R = the neutral point, S = 0 would hold for one message in four, were the zero key not refused.
  Signature forgery;
  forgery.bytes[0] = 1;
  for (std::size_t i = 0; i < 64; ++i) {
    CHECK_FALSE(is_signed_by(PublicKey{}, as_bytes("message " + std::to_string(i)), forgery));
  }
}

TEST_CASE("a signing key is its seed") {
  CountingRandom random(9);
  const SigningKey key = SigningKey::generate(random);
  const SigningKey again(key.seed().clone());
  CHECK(key.public_key() == again.public_key());
  CHECK(SigningKey::generate(random).public_key() != key.public_key());
}
