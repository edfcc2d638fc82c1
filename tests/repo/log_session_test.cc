// Goal: a session's record opens for those who may, and for the session it was made for only.
#include <doctest/doctest.h>

#include "base/error.h"
#include "crypto/hash.h"
#include "repo/log_world.h"
#include "repo/session_record.h"

using namespace coppice;
using namespace coppice::test;

namespace {

struct SessionSample {
  SeededRandom random{11};
  BoxPrivateKey data_key{random_secret(random)};
  BoxPrivateKey metadata_key{random_secret(random)};
  Secret32 repository_key = random_secret(random);
  SigningKey signer{random_secret(random)};
  Session session = make_session({data_key.public_key(), metadata_key.public_key()}, 2, random);

  SessionSample() {
    session.record.repository = name_of("repository");
    session.record.box.writer = random_id<SlotId>(random);
    session.record.host = "alder";
    session.record.process_id = 4711;
    session.record.started = {-5, 999'999'999};
  }
  Bytes file() const { return encode_session_record(session.record, repository_key, signer); }
};

}  // namespace

TEST_CASE("a session record comes back as it was written") {
  const SessionSample sample;
  const ParsedSessionRecord parsed = parse_session_record(sample.file());
  CHECK(parsed.plain.box == sample.session.record.box);
  CHECK(parsed.plain.host.empty());
  CHECK(is_session_record_signed_by(parsed, sample.signer.public_key()));
  CHECK(open_session_record(parsed, sample.repository_key) == sample.session.record);
}

TEST_CASE("a session's boxes open with the class keys, each with its own") {
  const SessionSample sample;
  const SessionBox& box = sample.session.box();
  const auto data = open_session_box(box, ChunkClass::data, sample.data_key);
  const auto metadata = open_session_box(box, ChunkClass::metadata, sample.metadata_key);
  REQUIRE(data);
  REQUIRE(metadata);
  CHECK(session_id_of(*data, *metadata) == box.session);
  CHECK_FALSE(open_session_box(box, ChunkClass::data, sample.metadata_key));
  CHECK_FALSE(open_session_box(box, ChunkClass::metadata, sample.data_key));
  SessionBox moved = box;
  moved.session = name_of("another");
  CHECK_FALSE(open_session_box(moved, ChunkClass::data, sample.data_key));
}

TEST_CASE("a random generator that repeats itself gives the same session id") {
  SeededRandom keys(1);
  const BoxPrivateKey key(random_secret(keys));
  SeededRandom first(5);
  SeededRandom second(5);
  const EpochInfo epoch{key.public_key(), key.public_key()};
  CHECK(make_session(epoch, 0, first).id == make_session(epoch, 0, second).id);
  CHECK(make_session(epoch, 0, first).id != make_session(epoch, 0, keys).id);
}

TEST_CASE("a session record cut or flipped anywhere is refused") {
  const SessionSample sample;
  Bytes file = sample.file();
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    CHECK_THROWS_AS(parse_session_record(ByteView(file).first(at)), Error);
    file[at] ^= 0x10;
    CHECK_THROWS_AS(parse_session_record(file), Error);
    file[at] ^= 0x10;
  }
}

TEST_CASE("a session record altered anywhere and checksummed again is not signed") {
  const SessionSample sample;
  const Bytes file = sample.file();
  std::size_t parsed_count = 0;
  for (std::size_t at = 0; at < file.size() - Id::kSize; ++at) {
    CAPTURE(at);
    Bytes altered = file;
    altered[at] ^= 0x01;
    const Id checksum = blake3(ByteView(altered).first(altered.size() - Id::kSize));
    std::copy(checksum.bytes.begin(), checksum.bytes.end(), altered.end() - Id::kSize);
    try {
      const ParsedSessionRecord parsed = parse_session_record(altered);
      ++parsed_count;
      CHECK_FALSE(is_session_record_signed_by(parsed, sample.signer.public_key()));
    } catch (const Error&) {
      continue;
    }
  }
  CHECK(parsed_count > file.size() / 2);
}
