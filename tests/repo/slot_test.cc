// Goal: a slot opens for its credential and place only, altered texts are found, and no text makes
// opening costly.
#include "repo/slot.h"

#include <doctest/doctest.h>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "repo/counting_random.h"
#include "repo/edited_text.h"

namespace coppice {
namespace {

constexpr ScryptParams kCheap{1U << 10, 8, 1};

Secret32 secret_of(std::uint8_t byte) { return Secret32(Bytes(32, byte)); }

SlotPayload sample_payload() {
  SlotPayload payload;
  payload.role = Role::owner;
  payload.slot_id.bytes.fill(0x11);
  payload.repository_id.bytes.fill(0x22);
  payload.root_public_key.bytes.fill(0x33);
  payload.signing_seed = secret_of(0x44);
  payload.box_private_key = secret_of(0x55);
  payload.family_secret = secret_of(0x66);
  payload.epochs.resize(2);
  payload.epochs[0].repository_key = secret_of(0x77);
  payload.epochs[1].epoch = 300;
  payload.epochs[1].repository_key = secret_of(0x88);
  payload.epochs[1].metadata_private_key = secret_of(0x99);
  payload.epochs[1].data_private_key = secret_of(0xAA);
  payload.root_seed = secret_of(0xBB);
  return payload;
}

Credential passphrase(std::string_view words) {
  return Credential::from_passphrase(SecretBytes(to_bytes(as_bytes(words))));
}
Credential key_file(std::uint8_t byte) { return Credential::from_key_file(secret_of(byte)); }

bool is_equal(const SlotPayload& a, const SlotPayload& b) {
  const SecretBytes left = encode_slot_payload(a);
  const SecretBytes right = encode_slot_payload(b);
  return to_bytes(left.view()) == to_bytes(right.view());
}

std::string sealed_sample(const Credential& credential) {
  CountingRandom random;
  return seal_slot(sample_payload(), credential, kCheap, random);
}

ErrorKind error_of(const std::string& text, const Credential& credential) {
  try {
    open_slot(as_bytes(text), sample_payload().repository_id, credential);
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("was accepted");
  return ErrorKind::failed;
}

ErrorKind payload_error_of(ByteView bytes) {
  try {
    decode_slot_payload(bytes);
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("was accepted");
  return ErrorKind::failed;
}

}  // namespace

TEST_CASE("a payload has exactly these bytes and reads back") {
  SlotPayload payload = sample_payload();
  ByteWriter expected;
  const auto fill = [&](std::uint8_t byte, std::size_t count) { expected.raw(Bytes(count, byte)); };
  expected.raw(Bytes{1, 4});
  fill(0x11, 16), fill(0x22, 32), fill(0x33, 32), fill(0x44, 32), fill(0x55, 32), fill(0x66, 32);
  expected.raw(Bytes{2, 0});
  fill(0x77, 32);
  expected.raw(Bytes{0, 0xAC, 0x02});
  fill(0x88, 32), expected.u8(3), fill(0x99, 32), fill(0xAA, 32);
  expected.u8(1), fill(0xBB, 32);
  const SecretBytes encoded = encode_slot_payload(payload);
  CHECK(to_bytes(encoded.view()) == expected.bytes());
  CHECK(is_equal(decode_slot_payload(encoded.view()), payload));

  payload.role = Role::auditor;
  payload.root_seed.reset();
  payload.epochs[1].data_private_key.reset();
  const SlotPayload fewer = decode_slot_payload(encode_slot_payload(payload).view());
  CHECK(is_equal(fewer, payload));
  CHECK_FALSE(fewer.root_seed);
  CHECK_FALSE(fewer.epochs[1].data_private_key);
  CHECK(fewer.epochs[1].metadata_private_key);
  payload.epochs.clear();
  CHECK(is_equal(decode_slot_payload(encode_slot_payload(payload).view()), payload));
}

TEST_CASE("a broken payload is refused") {
  const SecretBytes encoded = encode_slot_payload(sample_payload());
  const Bytes good = to_bytes(encoded.view());
  const auto with = [&](std::size_t at, std::uint8_t byte) {
    Bytes bytes = good;
    bytes[at] = byte;
    return bytes;
  };
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(payload_error_of(ByteView(good).first(size)) == ErrorKind::damaged);
  }
  Bytes longer = good;
  longer.push_back(0);
  CHECK(payload_error_of(longer) == ErrorKind::damaged);
  CHECK(payload_error_of(with(0, 2)) == ErrorKind::newer_version);
  CHECK(payload_error_of(with(1, 0)) == ErrorKind::newer_version);
  CHECK(payload_error_of(with(1, 5)) == ErrorKind::newer_version);
  const std::size_t epochs = 2 + 16 + 5 * 32;
  CHECK(payload_error_of(with(epochs, 0x7F)) == ErrorKind::damaged);          // more than there are
  CHECK(payload_error_of(with(epochs + 34, 4)) == ErrorKind::newer_version);  // a third flag
  CHECK(payload_error_of(with(good.size() - 33, 2)) == ErrorKind::damaged);
  SlotPayload twice = sample_payload();
  twice.epochs[1].epoch = 0;
  CHECK(payload_error_of(encode_slot_payload(twice).view()) == ErrorKind::damaged);
}

TEST_CASE("a slot opens with its passphrase or key file, and with nothing else") {
  const Id repository = sample_payload().repository_id;
  const std::string by_words = sealed_sample(passphrase("correct horse"));
  const std::string by_file = sealed_sample(key_file(7));
  const auto opened = open_slot(as_bytes(by_words), repository, passphrase("correct horse"));
  REQUIRE(opened);
  CHECK(is_equal(*opened, sample_payload()));
  const auto opened_by_file = open_slot(as_bytes(by_file), repository, key_file(7));
  REQUIRE(opened_by_file);
  CHECK(is_equal(*opened_by_file, sample_payload()));

  CHECK_FALSE(open_slot(as_bytes(by_words), repository, passphrase("correct horse ")));
  CHECK_FALSE(open_slot(as_bytes(by_words), repository, passphrase("")));
  CHECK_FALSE(open_slot(as_bytes(by_words), repository, key_file(7)));
  CHECK_FALSE(open_slot(as_bytes(by_file), repository, key_file(8)));
  CHECK_FALSE(open_slot(as_bytes(by_file), repository, passphrase("correct horse")));
}

TEST_CASE("a slot does not open in another repository or under another slot id") {
  const std::string text = sealed_sample(key_file(7));
  const std::string id = sample_payload().repository_id.hex();
  Id other;
  other.bytes.fill(0x23);
  CHECK_FALSE(open_slot(as_bytes(text), other, key_file(7)));
  CHECK_FALSE(open_slot(as_bytes(edited(text, id, other.hex())), other, key_file(7)));
  const std::string renamed = edited(text, std::string(32, '1'), std::string(32, '2'));
  CHECK_FALSE(open_slot(as_bytes(renamed), sample_payload().repository_id, key_file(7)));
}

TEST_CASE("every byte of a slot, changed to any other, is found or harmless") {
  const std::string text = sealed_sample(key_file(7));
  const Credential credential = key_file(7);
  std::size_t harmless = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int value = 0; value < 256; value += i < text.size() - 90 ? 5 : 1) {
      std::string altered = text;
      altered[i] = static_cast<char>(value);
      if (altered == text) continue;
      try {
        const auto opened =
            open_slot(as_bytes(altered), sample_payload().repository_id, credential);
        REQUIRE(opened);
        CHECK(is_equal(*opened, sample_payload()));
        ++harmless;
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::damaged);
      }
    }
  }
  CHECK(harmless == 9);  // white space in the tail
}

TEST_CASE("ciphertext altered by someone who repairs the checksum does not open") {
  const std::string text = sealed_sample(key_file(7));
  const std::size_t start = text.find("\"sealed\": \"") + 11;
  const std::size_t end = text.find('"', start);
  for (std::size_t i = start; i < end; i += 7) {
    std::string altered = text;
    altered[i] = altered[i] == '0' ? '1' : '0';
    CHECK_FALSE(open_slot(as_bytes(edited(altered, "coppice slot", "coppice slot")),
                          sample_payload().repository_id, key_file(7)));
  }
}

TEST_CASE("hostile scrypt parameters are refused before any work is done") {
  const std::string text = sealed_sample(passphrase("x"));
  const Credential credential = passphrase("x");
  for (const char* n : {"1099511627776", "2097152", "512", "1025", "0", "-1024", "1024.0", "1e3",
                        "\"1024\"", "null", "18446744073709551616"}) {
    CAPTURE(n);
    CHECK(error_of(edited(text, "\"n\": 1024", std::string("\"n\": ") + n), credential) ==
          ErrorKind::damaged);
  }
  for (const char* r : {"0", "17", "4294967304"}) {
    CAPTURE(r);
    CHECK(error_of(edited(text, "\"r\": 8", std::string("\"r\": ") + r), credential) ==
          ErrorKind::damaged);
    CHECK(error_of(edited(text, "\"p\": 1", std::string("\"p\": ") + r), credential) ==
          ErrorKind::damaged);
  }
  const std::string large =
      edited(edited(text, "\"n\": 1024", "\"n\": 1048576"), "\"r\": 8", "\"r\": 9");
  CHECK(error_of(large, credential) == ErrorKind::damaged);  // more than 1 GiB
  CountingRandom random;
  CHECK_THROWS_AS(seal_slot(sample_payload(), credential, {1U << 9, 8, 1}, random), Error);
}

TEST_CASE("slots of a newer kind are not judged, malformed ones are damaged") {
  const std::string text = sealed_sample(key_file(7));
  const Credential key = key_file(7);
  CHECK(error_of(edited(text, "\"version\": 1", "\"version\": 2"), key) ==
        ErrorKind::newer_version);
  CHECK(error_of(edited(text, "\"key file\"", "\"argon2\""), key) == ErrorKind::newer_version);
  CHECK(error_of(edited(text, "coppice slot", "coppice slit"), key) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"salt\": \"00", "\"salt\": \""), key) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"slot_id\": \"11", "\"slot_id\": \""), key) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"kdf\": {", "\"kdf\": [], \"x\": {"), key) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"sealed\": \"", "\"sealed\": \"2"), key) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"sealed\": \"", "\"sealed\": \"00\", \"x\": \""), key) ==
        ErrorKind::damaged);
}

TEST_CASE("the plain part of a slot can be read without a key") {
  const SlotFile file = parse_slot(as_bytes(sealed_sample(key_file(7))));
  CHECK(file.slot_id == sample_payload().slot_id);
  CHECK(file.repository_id == sample_payload().repository_id);
  CHECK(file.kdf == SlotKdf::key_file);
  CHECK(file.sealed.size() == 12 + encode_slot_payload(sample_payload()).view().size() + 16);
  CHECK(parse_slot(as_bytes(sealed_sample(passphrase("x")))).scrypt.n == kCheap.n);
}

TEST_CASE("a payload that speaks of another slot than the file around it is damaged") {
  // Only a holder of the credential can make one: sealed for the file's place, but with another
  // slot inside.
  const std::string text = sealed_sample(key_file(7));
  const SlotFile file = parse_slot(as_bytes(text));
  SlotPayload other = sample_payload();
  other.slot_id.bytes.fill(0x12);
  ByteWriter associated;
  associated.raw(as_bytes("coppice/1 slot"));
  associated.id(file.repository_id);
  associated.id(file.slot_id);
  const SecretBytes plain = encode_slot_payload(other);
  Bytes sealed(12 + plain.view().size() + kAeadTagBytes);
  Aead(Cipher::aes_256_gcm, hkdf_sha256(secret_of(7).view(), {}, "coppice/1 key file", file.salt))
      .seal(Nonce{}, associated.bytes(), plain.view(), MutableByteView(sealed).subspan(12));
  CHECK(error_of(edited(text, to_hex(file.sealed), to_hex(sealed)), key_file(7)) ==
        ErrorKind::damaged);
}

TEST_CASE("a slot with as many epochs as allowed fits into its file") {
  SlotPayload payload = sample_payload();
  payload.epochs.clear();
  for (std::size_t i = 0; i < kMaxSlotEpochs; ++i) {
    EpochSecrets epoch;
    epoch.epoch = ~std::uint64_t{0} - kMaxSlotEpochs + i;
    epoch.metadata_private_key = secret_of(1);
    epoch.data_private_key = secret_of(2);
    payload.epochs.push_back(std::move(epoch));
  }
  CountingRandom random;
  const std::string text = seal_slot(payload, key_file(7), kCheap, random);
  CHECK(text.size() <= (1U << 20));
  const auto opened = open_slot(as_bytes(text), payload.repository_id, key_file(7));
  REQUIRE(opened);
  CHECK(is_equal(*opened, payload));
}

TEST_CASE("known answers pin the slots of version 1") {
  // Made by this program with CountingRandom, and opened by an independent one (Python: hashlib,
  // cryptography).
  CHECK(sealed_sample(passphrase("correct horse")) == R"({
  "format": "coppice slot",
  "version": 1,
  "repository_id": "2222222222222222222222222222222222222222222222222222222222222222",
  "slot_id": "11111111111111111111111111111111",
  "kdf": {
    "algorithm": "scrypt",
    "n": 1024,
    "r": 8,
    "p": 1,
    "salt": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
  },
  "sealed": "202122232425262728292a2b6e30d8205868f83d18e9d1325b8ea83312839765555ea131e5d2880b72bbd0bb716e0b7b1f2c128ab95bb03ea75fc6ac86179e8a95d8f35a9836b2a46999ae1aee346dab25c9998c90edc62fc004afeb357882f77b2242054ed271e2a3f6d6328f6dfd256f633931c2a4994d3baba7c0379137d548878b506fd5361b136a1402fd8366745cda35f33784b2833d4c90784141075b0a834e3e0ad14910ba74dcff838c937e3a697d787aa8c33b92e027e45ba8fc45f12301e2b0b1df806c098681b711d7a3d811670595bedb30a1ee360372be35c9e3b76f169817bc160fd79a0a4ce049db833cc60ff26dc24d4662128de3d20de0e1a76702160131f350b21258d7aac2f9b5ff47202b7351b4cebff605f3c25b44d6257b2b2d2fd1f5000e447a6fa4096421108beb09c4c4c25c8a6c7d7a2bd0b38822b2814098699a2da775ed37546e4ee6d4a2588139dd6ad2a4ea421c1ec6564611e4c46e8b3c991e665d474336e5004d00c9a661",
  "checksum": "1224e1afff7ba26c0f05aa3d79bbfda97828b30c380e161a7f15276197e0fd1c"
}
)");
  CHECK(sealed_sample(key_file(7)) == R"({
  "format": "coppice slot",
  "version": 1,
  "repository_id": "2222222222222222222222222222222222222222222222222222222222222222",
  "slot_id": "11111111111111111111111111111111",
  "kdf": {
    "algorithm": "key file",
    "salt": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
  },
  "sealed": "202122232425262728292a2b7ef1a98ff75d5bf0866dbb306afaef423ceb6c142a6f58808e636df3158b7b4e3cc40c01afca7faf06a82a5473852d06f42b07a634ab146f3ce07f6f33f7e164c636696d244f784ea1c0c4c36a2f9ff835a46c1dcbcd48e9b595a6e07b4f867e0c6f71b35aa0aa4c1e55d402a062cce33c263a082724335b23ce61a827cf6046187138f4301f67c539b2c0490cb8b66f97f464dcf0e93455bfd78faa6652cc1ddcf08061c1abb95897bba26f00fd17f717fdc0a44332c732579269bd99b46afe7e22ac157ecd5f3ba463f360e65a8019f667c88c4250864501cd9706d387b751c355b9b96423e230e666724a3f17cbacea364e376f2861f2106553ed286dca6fb1642b81cb10ab343cd08d5217b8224b5f1254c8c5a5c61584ea2d00cf7260306f8c824fd8c7d278f998d49810894884a28dbfae87c4fe142e0756358756883a472bbf2b36559b1c160308b37701571d915c82c75e8212c72d5bbaad1c6711648f46509eb8df70ed59",
  "checksum": "1b7467906c567f042fc57b80d882bdc0f480ecde673ca2d04b1125d54794c089"
}
)");
}

}  // namespace coppice
