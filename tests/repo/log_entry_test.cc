// Goal: an entry says exactly what was signed, or nothing.
#include "repo/log_entry.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "crypto/hash.h"
#include "repo/log_world.h"

using namespace coppice;
using namespace coppice::test;

namespace {

struct Sample {
  SeededRandom random{7};
  Secret32 key = random_secret(random);
  SigningKey signer{random_secret(random)};
  LogEntry entry;

  Sample() {
    entry.type = LogEntryType::snapshot;
    entry.number = 300;
    entry.repository = name_of("repository");
    entry.predecessor = name_of("predecessor");
    entry.signer = random_id<SlotId>(random);
    random.fill(entry.nonce);
    entry.epoch = 1;
    entry.checkpoint = 200;
    entry.adds = {
        pack_ref("a"), index_ref("b"), {ObjectKind::session, Side::none, name_of("c"), 1}};
    entry.deletes = {pack_ref("d")};
    entry.public_body = {1, 2, 3};
    entry.body = {4, 5};
  }
  Bytes file() const { return encode_log_entry(entry, key, signer); }
};

bool says_the_same(const LogEntry& a, const LogEntry& b) {
  return a.type == b.type && a.number == b.number && a.repository == b.repository &&
         a.predecessor == b.predecessor && a.signer == b.signer && a.nonce == b.nonce &&
         a.epoch == b.epoch && a.checkpoint == b.checkpoint && a.adds == b.adds &&
         a.deletes == b.deletes && a.public_body == b.public_body;
}

/// With a checksum that fits again, as storage can make it.
Bytes with_checksum(Bytes file) {
  const Id checksum = blake3(ByteView(file).first(file.size() - Id::kSize));
  std::copy(checksum.bytes.begin(), checksum.bytes.end(), file.end() - Id::kSize);
  return file;
}

}  // namespace

TEST_CASE("an entry comes back as it was written") {
  const Sample sample;
  const Bytes file = sample.file();
  const ParsedLogEntry parsed = parse_log_entry(file);
  CHECK(says_the_same(parsed.plain, sample.entry));
  CHECK(open_log_body(parsed, sample.key) == sample.entry.body);
  CHECK(is_log_entry_signed_by(parsed, sample.signer.public_key()));
  CHECK(parsed.hash == blake3(file));
  CHECK(parsed.file == file);
}

TEST_CASE("the sealed body's length is hidden in steps of 256 bytes") {
  Sample sample;
  sample.entry.body.clear();
  const std::size_t smallest = sample.file().size();
  sample.entry.body.resize(254);
  CHECK(sample.file().size() == smallest);
  sample.entry.body.resize(255);
  CHECK(sample.file().size() == smallest + 256);
}

TEST_CASE("an entry cut anywhere is damaged") {
  const Bytes file = Sample().file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(parse_log_entry(ByteView(file).first(size)), Error);
  }
}

TEST_CASE("a flipped byte anywhere makes an entry damaged, never newer") {
  Bytes file = Sample().file();
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    file[at] ^= 0x41;
    try {
      parse_log_entry(file);
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::damaged);
    }
    file[at] ^= 0x41;
  }
}

TEST_CASE("an entry altered anywhere and checksummed again is not signed") {
  const Sample sample;
  const Bytes file = sample.file();
  std::size_t parsed_count = 0;
  for (std::size_t at = 0; at < file.size() - Id::kSize; ++at) {
    CAPTURE(at);
    Bytes altered = file;
    altered[at] ^= 0x01;
    try {
      const ParsedLogEntry parsed = parse_log_entry(with_checksum(altered));
      ++parsed_count;
      CHECK_FALSE(is_log_entry_signed_by(parsed, sample.signer.public_key()));
    } catch (const Error&) {
      continue;  // refused before its signature was looked at
    }
  }
  CHECK(parsed_count > file.size() / 2);  // otherwise this test proves nothing
}

TEST_CASE("a sealed body cut, lengthened or exchanged and checksummed again is refused") {
  const Sample sample;
  Sample twin;
  twin.entry.number = 301;
  const ParsedLogEntry parsed = parse_log_entry(sample.file());
  ParsedLogEntry mixed = parse_log_entry(twin.file());
  std::copy_n(parsed.file.begin() + static_cast<std::ptrdiff_t>(parsed.sealed_offset),
              parsed.sealed_size,
              mixed.file.begin() + static_cast<std::ptrdiff_t>(mixed.sealed_offset));
  CHECK_THROWS_AS(open_log_body(mixed, sample.key), Error);
  mixed.sealed_size = 15;
  CHECK_THROWS_AS(open_log_body(mixed, sample.key), Error);
  SeededRandom random(99);
  CHECK_THROWS_AS(open_log_body(parsed, random_secret(random)), Error);
}

TEST_CASE("bytes after the last field make an entry damaged") {
  Bytes file = Sample().file();
  file.insert(file.end() - Id::kSize, 0);
  CHECK_THROWS_AS(parse_log_entry(with_checksum(file)), Error);
}

TEST_CASE("an intact entry of another version is newer, not damaged") {
  Bytes file = Sample().file();
  file[8] = 2;
  try {
    parse_log_entry(with_checksum(file));
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::newer_version);
  }
}

TEST_CASE("a count larger than the entry is refused") {
  Sample sample;
  sample.entry.adds.clear();
  sample.entry.deletes.clear();
  sample.entry.public_body.clear();
  Bytes file = sample.file();
  // The byte after epoch and checkpoint (200 takes two) counts the added objects.
  const std::size_t count_at = 8 + 1 + 1 + 8 + 32 + 32 + 16 + 16 + 1 + 2;
  REQUIRE(file[count_at] == 0);
  file[count_at] = 0x7F;
  CHECK_THROWS_AS(parse_log_entry(with_checksum(file)), Error);
}

TEST_CASE("names of entries and copies give their numbers, others none") {
  CHECK(log_entry_name(31) == "log/000000000000001f");
  CHECK(log_number_of("log/000000000000001f") == 31);
  CHECK(log_number_of("log/000000000000001f.copy") == 31);
  CHECK(log_number_of(log_entry_name(UINT64_MAX)) == UINT64_MAX);
  CHECK_FALSE(log_number_of("log/1f"));
  CHECK_FALSE(log_number_of("log/000000000000001F"));
  CHECK_FALSE(log_number_of("log/000000000000001f.par"));
  CHECK_FALSE(log_number_of("packs/000000000000001f"));
}
