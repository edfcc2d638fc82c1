#include "crypto/kdf.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "crypto/vectors.h"

using namespace coppice;

TEST_CASE("HKDF agrees with RFC 5869, appendix A.1") {
  const Bytes key(22, 0x0b);
  const Bytes salt = hex("000102030405060708090a0b0c");
  const Bytes info = hex("f0f1f2f3f4f5f6f7f8f9");
  CHECK(to_hex(hkdf_sha256(key, salt, as_text(info)).view()) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  // The appendix gives 42 bytes.
  CHECK(to_hex(hkdf_sha256_64(key, salt, as_text(info)).view().first(42)) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST_CASE("HKDF agrees with RFC 5869, appendix A.2: long inputs") {
  Bytes key(80), salt(80), info(80);
  for (std::size_t i = 0; i < 80; ++i) {
    key[i] = static_cast<std::uint8_t>(i);
    salt[i] = static_cast<std::uint8_t>(0x60 + i);
    info[i] = static_cast<std::uint8_t>(0xb0 + i);
  }
  CHECK(to_hex(hkdf_sha256_64(key, salt, as_text(info)).view()) ==
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71");
}

TEST_CASE("HKDF agrees with RFC 5869, appendix A.3: neither salt nor info") {
  CHECK(to_hex(hkdf_sha256_64(Bytes(22, 0x0b), {}, "").view().first(42)) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST_CASE("HKDF info is the label, then the rest") {
  // Computed with Python's cryptography package.
  const Bytes salt = hex("000102");
  const Secret<64> key = hkdf_sha256_64(as_bytes("key"), salt, "label", as_bytes("rest"));
  CHECK(to_hex(key.view()) ==
        "50c06da2893b27c5788c4e894784a5cdb222be9f273e92b1dd734144fccb1c1d"
        "660d3866e64c52780044afdd8e9d86365c1ff1a4ed223aeacc4b4acd12ced5dd");
  const Secret32 half = hkdf_sha256(as_bytes("key"), salt, "labelrest");
  CHECK(std::ranges::equal(half.view(), key.view().first(32)));
  CHECK_FALSE(std::ranges::equal(hkdf_sha256(as_bytes("key"), salt, "label").view(), half.view()));
}

TEST_CASE("HKDF refuses an empty key and an info beyond its bound") {
  CHECK_THROWS_AS(hkdf_sha256({}, {}, "label"), Error);
  CHECK_NOTHROW(hkdf_sha256(as_bytes("key"), {}, "12345678", Bytes(kMaxHkdfInfoBytes - 8)));
  CHECK_THROWS_AS(hkdf_sha256(as_bytes("key"), {}, "12345678", Bytes(kMaxHkdfInfoBytes - 7)),
                  Error);
}

TEST_CASE("scrypt agrees with RFC 7914, section 12") {
  CHECK(to_hex(scrypt(as_bytes("password"), as_bytes("NaCl"), {1024, 8, 16}).view()) ==
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
  CHECK(
      to_hex(scrypt(as_bytes("pleaseletmein"), as_bytes("SodiumChloride"), {16384, 8, 1}).view()) ==
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
}

TEST_CASE("scrypt has the memory that its default needs") {
  const Secret32 key = scrypt(as_bytes("a passphrase"), as_bytes("salt"), ScryptParams{});
  CHECK_FALSE(std::ranges::equal(key.view(), Secret32().view()));
}

TEST_CASE("an empty passphrase and an empty salt are inputs like others") {
  const ScryptParams cheap{1024, 1, 1};
  const Secret32 key = scrypt({}, {}, cheap);
  CHECK(std::ranges::equal(key.view(), scrypt({}, {}, cheap).view()));
  CHECK_FALSE(std::ranges::equal(key.view(), scrypt(as_bytes("x"), {}, cheap).view()));
}

TEST_CASE("scrypt parameters out of bounds are refused") {
  using Cases = std::vector<std::pair<ScryptParams, bool>>;
  const Cases cases = {{ScryptParams{}, true},    {{1U << 10, 1, 1}, true},
                       {{1U << 20, 8, 16}, true}, {{1U << 19, 16, 1}, true},
                       {{1U << 20, 9, 1}, false}, {{1U << 20, 16, 1}, false},
                       {{1U << 9, 8, 1}, false},  {{1U << 21, 1, 1}, false},
                       {{1U << 31, 8, 1}, false}, {{0, 8, 1}, false},
                       {{1U << 17, 0, 1}, false}, {{1U << 17, 17, 1}, false},
                       {{1U << 17, 8, 0}, false}, {{1U << 17, 8, 17}, false},
                       {{100'000, 8, 1}, false},  {{1U << 10, 1U << 31, 1}, false}};
  for (const auto& item : cases) {
    const auto& params = item.first;
    CAPTURE(params.n);
    CAPTURE(params.r);
    CAPTURE(params.p);
    CHECK(is_acceptable(params) == item.second);
    if (!item.second) {
      CHECK_THROWS_AS(scrypt(as_bytes("passphrase"), as_bytes("salt"), params), Error);
    }
  }
}
