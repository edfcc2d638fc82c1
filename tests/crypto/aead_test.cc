#include "crypto/aead.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "crypto/vectors.h"

using namespace coppice;

namespace {

constexpr Cipher kCiphers[] = {Cipher::aes_256_gcm, Cipher::chacha20_poly1305};

Nonce nonce_hex(std::string_view text) {
  Nonce nonce{};
  REQUIRE(from_hex(text, nonce));
  return nonce;
}

Bytes seal(Aead& aead, const Nonce& nonce, ByteView associated, ByteView plain) {
  Bytes sealed(plain.size() + kAeadTagBytes);
  aead.seal(nonce, associated, plain, sealed);
  return sealed;
}

/// A published vector, sealed and opened.
void check_vector(Aead& aead, const Nonce& nonce, ByteView associated, ByteView plain,
                  std::string_view expected) {
  const Bytes sealed = seal(aead, nonce, associated, plain);
  CHECK(to_hex(sealed) == expected);
  Bytes opened(plain.size(), 0xEE);
  CHECK(aead.open(nonce, associated, sealed, opened));
  CHECK(std::ranges::equal(opened, plain));
}

/// Fails unless the message is refused and the output wiped.
void check_refused(Aead& aead, const Nonce& nonce, ByteView associated, ByteView sealed) {
  Bytes opened(sealed.size() < kAeadTagBytes ? 0 : sealed.size() - kAeadTagBytes, 0xEE);
  CHECK_FALSE(aead.open(nonce, associated, sealed, opened));
  CHECK(std::ranges::all_of(opened, [](std::uint8_t byte) { return byte == 0; }));
}

}  // namespace

TEST_CASE("AES-256-GCM agrees with the vectors of its specification") {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
  Aead zero_key(Cipher::aes_256_gcm, Secret32());
  check_vector(zero_key, Nonce{}, {}, {}, "530f8afbc74536b9a963b4f1c4cb738b");
  check_vector(zero_key, Nonce{}, {}, Bytes(16),
               "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  Aead aead(Cipher::aes_256_gcm,
            secret_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  check_vector(
      aead, nonce_hex("cafebabefacedbaddecaf888"), hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
}

TEST_CASE("ChaCha20-Poly1305 agrees with RFC 8439, section 2.8.2") {
  Aead aead(Cipher::chacha20_poly1305,
            secret_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
  check_vector(aead, nonce_hex("070000004041424344454647"), hex("50515253c0c1c2c3c4c5c6c7"),
               as_bytes("Ladies and Gentlemen of the class of '99: If I could offer you only one "
                        "tip for the future, sunscreen would be it."),
               "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
               "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
               "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
               "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");
}

TEST_CASE("nonces count in the last eight bytes, little-endian") {
  CHECK(to_hex(counter_nonce(0)) == "000000000000000000000000");
  CHECK(to_hex(counter_nonce(1)) == "000000000100000000000000");
  CHECK(to_hex(counter_nonce(0x0102030405060708)) == "000000000807060504030201");
}

TEST_CASE("a message opens only whole, unaltered, with its own nonce, data and key") {
  const Bytes associated = counting_bytes(20);
  const Nonce nonce = counter_nonce(5);
  for (const Cipher cipher : kCiphers) {
    Aead aead(cipher, counting_secret(1));
    const Bytes sealed = seal(aead, nonce, associated, counting_bytes(100));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      Bytes flipped = sealed;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
      check_refused(aead, nonce, associated, flipped);
    }
    for (std::size_t size = 0; size < sealed.size(); ++size) {
      check_refused(aead, nonce, associated, ByteView(sealed).first(size));
    }
    check_refused(aead, counter_nonce(6), associated, sealed);
    check_refused(aead, nonce, {}, sealed);
    check_refused(aead, nonce, ByteView(associated).first(19), sealed);
    Aead other(cipher, counting_secret(2));
    check_refused(other, nonce, associated, sealed);
    Bytes opened(100);
    CHECK(aead.open(nonce, associated, sealed, opened));
  }
}

TEST_CASE("one Aead seals and opens any sequence of messages as fresh ones would") {
  for (const Cipher cipher : kCiphers) {
    Aead reused(cipher, counting_secret(3));
    for (std::size_t i = 0; i < 50; ++i) {
      const Bytes plain = counting_bytes(i * i * 7, i);
      const Bytes associated = counting_bytes(i % 3 * 10);
      Aead fresh(cipher, counting_secret(3));
      const Bytes sealed = seal(reused, counter_nonce(i), associated, plain);
      CHECK(sealed == seal(fresh, counter_nonce(i), associated, plain));
      if (i % 2 == 0) check_refused(reused, counter_nonce(i + 1), associated, sealed);
      if (i % 3 == 0) continue;
      Bytes opened(plain.size());
      CHECK(reused.open(counter_nonce(i), associated, sealed, opened));
      CHECK(opened == plain);
    }
  }
}

TEST_CASE("messages are sealed and opened in place") {
  for (const Cipher cipher : kCiphers) {
    Aead aead(cipher, counting_secret(4));
    const Bytes plain = counting_bytes(1000);
    Bytes buffer = plain;
    buffer.resize(plain.size() + kAeadTagBytes);
    aead.seal(Nonce{}, {}, ByteView(buffer).first(plain.size()), buffer);
    CHECK(buffer == seal(aead, Nonce{}, {}, plain));
    CHECK(aead.open(Nonce{}, {}, buffer, MutableByteView(buffer).first(plain.size())));
    buffer.resize(plain.size());
    CHECK(buffer == plain);
  }
}

TEST_CASE("an Aead works on after it was moved") {
  Aead first(Cipher::aes_256_gcm, counting_secret(5));
  const Bytes sealed = seal(first, Nonce{}, {}, counting_bytes(10));
  Aead second = std::move(first);
  CHECK(seal(second, Nonce{}, {}, counting_bytes(10)) == sealed);
}

TEST_CASE("wrong sizes and unknown ciphers are errors") {
  CHECK_THROWS_AS(Aead(static_cast<Cipher>(0), Secret32()), Error);
  CHECK_THROWS_AS(Aead(static_cast<Cipher>(3), Secret32()), Error);
  Aead aead(preferred_cipher(), Secret32());
  const Bytes plain(10);
  Bytes small(10 + kAeadTagBytes - 1);
  Bytes large(10 + kAeadTagBytes + 1);
  CHECK_THROWS_AS(aead.seal(Nonce{}, {}, plain, small), Error);
  CHECK_THROWS_AS(aead.seal(Nonce{}, {}, plain, large), Error);
  const Bytes sealed(30);
  Bytes out(15);
  CHECK_THROWS_AS((void)aead.open(Nonce{}, {}, sealed, out), Error);
}
