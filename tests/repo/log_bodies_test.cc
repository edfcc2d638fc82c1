// Goal: bodies come back as written; whatever else is refused without harm.
#include "repo/log_bodies.h"

#include <doctest/doctest.h>

#include <functional>

#include "base/error.h"
#include "repo/log_world.h"

using namespace coppice;
using namespace coppice::test;

namespace {

/// Decodes and encodes again: equal bytes for whatever is accepted, since every body has one
/// encoding.
using Reencode = std::function<Bytes(ByteView)>;

struct Case {
  const char* name;
  Bytes bytes;
  Reencode reencode;
};

std::vector<Case> cases() {
  SeededRandom random(3);
  SealedBox box;
  random.fill(box);
  const SlotId slot = random_id<SlotId>(random);
  const SessionBox session{name_of("s"), 300, box, box, slot};
  const KeyBox key_box{300, KeySecret::data_private_key, box};
  const DamagedChunk chunk{name_of("p"), {ChunkClass::metadata, name_of("c")}};
  return {
      {"names", encode_names({name_of("a"), name_of("b")}),
       [](ByteView bytes) { return encode_names(decode_names(bytes, "names")); }},
      {"snapshot", encode_snapshot_body({{1, 2, 3}, {session, session}}),
       [](ByteView bytes) { return encode_snapshot_body(decode_snapshot_body(bytes)); }},
      {"tag", encode_tag_body({name_of("s"), {"one", ""}, {"two"}}),
       [](ByteView bytes) { return encode_tag_body(decode_tag_body(bytes)); }},
      {"delete", encode_remove_body({{name_of("s")}, {name_of("t")}}),
       [](ByteView bytes) { return encode_remove_body(decode_remove_body(bytes)); }},
      {"damaged", encode_damaged_chunks({chunk, chunk}),
       [](ByteView bytes) { return encode_damaged_chunks(decode_damaged_chunks(bytes)); }},
      {"certificate",
       encode_certificate_body({slot,
                                Role::auditor,
                                random_id<PublicKey>(random),
                                random_id<BoxPublicKey>(random),
                                {key_box}}),
       [](ByteView bytes) { return encode_certificate_body(decode_certificate_body(bytes)); }},
      {"certificate's terms", encode_certificate_terms({"label", {"host", "h2"}, {slot, slot}}),
       [](ByteView bytes) { return encode_certificate_terms(decode_certificate_terms(bytes)); }},
      {"revocation", encode_revocation_body({slot, 12}),
       [](ByteView bytes) { return encode_revocation_body(decode_revocation_body(bytes)); }},
      {"epoch",
       encode_epoch_body({1,
                          random_id<BoxPublicKey>(random),
                          random_id<BoxPublicKey>(random),
                          {1, 2, 3},
                          {{slot, key_box}}}),
       [](ByteView bytes) { return encode_epoch_body(decode_epoch_body(bytes)); }},
      {"parameters",
       encode_parameters({1 << 17, Cipher::chacha20_poly1305, 3, 247, 8, name_of("f")}),
       [](ByteView bytes) { return encode_parameters(decode_parameters(bytes)); }},
      {"drill", encode_drill_body("{}"),
       [](ByteView bytes) { return encode_drill_body(decode_drill_body(bytes)); }},
      {"void", encode_void_body({4, 5, {name_of("a"), Id{}}}),
       [](ByteView bytes) { return encode_void_body(decode_void_body(bytes)); }},
  };
}

}  // namespace

TEST_CASE("every body comes back as it was written") {
  for (const Case& body : cases()) {
    CAPTURE(body.name);
    CHECK(body.reencode(body.bytes) == body.bytes);
  }
}

TEST_CASE("a body cut anywhere, or longer by a byte, is refused") {
  for (const Case& body : cases()) {
    CAPTURE(body.name);
    for (std::size_t size = 0; size < body.bytes.size(); ++size) {
      CHECK_THROWS_AS(body.reencode(ByteView(body.bytes).first(size)), Error);
    }
    Bytes longer = body.bytes;
    longer.push_back(0);
    CHECK_THROWS_AS(body.reencode(longer), Error);
  }
}

TEST_CASE("a body with any byte changed is refused or read as just these bytes") {
  for (const Case& body : cases()) {
    CAPTURE(body.name);
    for (std::size_t at = 0; at < body.bytes.size(); ++at) {
      for (const std::uint8_t mask : Bytes{0x01, 0x80, 0xFF}) {
        Bytes altered = body.bytes;
        altered[at] ^= mask;
        try {
          const Bytes again = body.reencode(altered);
          CHECK(again == altered);
        } catch (const Error&) {
          continue;
        }
      }
    }
  }
}

TEST_CASE("a void entry must have one hash for each number") {
  CHECK_THROWS_AS(decode_void_body(encode_void_body({4, 6, {Id{}, Id{}}})), Error);
  CHECK_THROWS_AS(decode_void_body(encode_void_body({5, 4, {}})), Error);
  CHECK_THROWS_AS(decode_void_body(encode_void_body({0, UINT64_MAX, {}})), Error);
}

TEST_CASE("values from a newer version are told apart from damage") {
  const auto kind_of = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::failed;
  };
  Bytes parameters = encode_parameters({});
  parameters[4] = 3;
  CHECK(kind_of([&] { decode_parameters(parameters); }) == ErrorKind::newer_version);
  Bytes certificate = encode_certificate_body({});
  certificate[16] = 5;
  CHECK(kind_of([&] { decode_certificate_body(certificate); }) == ErrorKind::newer_version);
}
