#include "snapshot/snapshot_record.h"

#include <doctest/doctest.h>

#include <limits>

#include "base/codec.h"
#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

const Id kRepository = made_id(0xAA);
const SlotId kSlot = SlotId::from(Bytes(16, 0x55));

SigningKey signing_key() { return SigningKey(Secret32(Bytes(32, 0x07))); }

SnapshotRecord full_record() {
  SnapshotRecord record;
  record.is_time_given = true;
  record.is_incomplete = true;
  record.lacks_trusted_xattrs = true;
  record.time = {1'700'000'000, 5};
  record.utc_offset_minutes = -150;
  record.host = "box";
  record.user = "ann";
  record.paths = {"/etc", "/\xff"};
  record.tags = {"t"};
  record.root = made_root({1, made_id(8)});
  record.root.meta.mode = 0755;
  record.root.meta.mtime = {1, 5};
  record.parent = made_id(9);
  record.summary = {1, 2, 3, 4, 5, 6, 7, 8, 300, 10, 11, 12, 13, 14};
  record.program_version = "0.1";
  return record;
}

Bytes encoded(const SnapshotRecord& record) {
  return encode_snapshot(record, signing_key(), kRepository, kSlot);
}

ErrorKind encode_error(const SnapshotRecord& record) {
  return kind_of_error([&] { encoded(record); });
}

TEST_CASE("a record has the bytes that the page says, and its signature the message") {
  const std::string facts =
      "01 0d 80c49fd50c 05 ab02 03626f78 03616e6e"
      "02 042f657463 022fff 01 0174"
      "38 01 01 00000000 01 04726f6f74 02 8010 ed03 00 01" +
      made_id(8).hex() + "02 0a 00 00 00 01" + made_id(9).hex() +
      "01 02 03 04 05 06 07 08 ac02 0a 0b 0c 0d 0e"
      "03302e31" +
      kRepository.hex() + kSlot.hex() + signing_key().public_key().hex();
  const Bytes expected = bytes_of_hex(facts);
  const Bytes bytes = encoded(full_record());
  REQUIRE(bytes.size() == expected.size() + Signature::kSize);
  CHECK(Bytes(bytes.begin(), bytes.end() - Signature::kSize) == expected);

  ByteWriter message;
  message.raw(as_bytes("coppice/1"));
  message.id(kRepository);
  message.u8(4);
  message.raw(expected);
  const Signature signature = Signature::from(ByteView(bytes).last(Signature::kSize));
  CHECK(is_signed_by(signing_key().public_key(), message.bytes(), signature));
}

TEST_CASE("every field comes back, with the origin that signed") {
  SnapshotRecord record = full_record();
  const Bytes bytes = encoded(record);
  const SnapshotRecord back = decode_snapshot(bytes);
  CHECK(back.origin.repository == kRepository);
  CHECK(back.origin.slot == kSlot);
  CHECK(back.origin.key == signing_key().public_key());
  record.origin = back.origin;
  CHECK(back == record);
}

TEST_CASE("an all but empty record comes back too") {
  SnapshotRecord record;
  record.is_imported = true;
  record.root = made_root({0, made_id(1)});
  record.time.seconds = -5;
  record.utc_offset_minutes = 1439;
  const SnapshotRecord back = decode_snapshot(encoded(record));
  record.origin = back.origin;
  CHECK(back == record);
}

TEST_CASE("any changed byte breaks the signature") {
  const Bytes good = encoded(full_record());
  CHECK(is_snapshot_signed(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x01;
    CHECK_FALSE(is_snapshot_signed(bad));
  }
  CHECK_FALSE(is_snapshot_signed({}));
  CHECK_FALSE(is_snapshot_signed(ByteView(good).first(good.size() - 1)));
  CHECK_FALSE(is_snapshot_signed(Bytes(200)));
}

TEST_CASE("a damaged record is refused or harmless") {
  CHECK(survives_damage(encoded(full_record()), [](ByteView bytes) { decode_snapshot(bytes); }));
}

TEST_CASE("an unknown version cannot be judged") {
  Bytes bytes = encoded(full_record());
  bytes[0] = 2;
  CHECK(kind_of_error([&] { decode_snapshot(bytes); }) == ErrorKind::newer_version);
}

TEST_CASE("fields out of bounds are refused") {
  const auto refuses = [](void (*change)(SnapshotRecord&)) {
    SnapshotRecord record = full_record();
    change(record);
    return encode_error(record) == ErrorKind::failed;
  };
  CHECK(refuses([](SnapshotRecord& r) { r.time.nanoseconds = 1'000'000'000; }));
  CHECK(refuses(
      [](SnapshotRecord& r) { r.time.seconds = std::numeric_limits<std::int64_t>::max(); }));
  CHECK(refuses([](SnapshotRecord& r) { r.utc_offset_minutes = 1440; }));
  CHECK(refuses([](SnapshotRecord& r) { r.host.assign(256, 'h'); }));
  CHECK(refuses([](SnapshotRecord& r) { r.user.assign(256, 'u'); }));
  CHECK(refuses([](SnapshotRecord& r) { r.program_version.assign(256, 'v'); }));
  CHECK(refuses([](SnapshotRecord& r) { r.paths = {"etc"}; }));
  CHECK(refuses([](SnapshotRecord& r) { r.paths = {std::string("/a\0b", 4)}; }));
  CHECK(refuses([](SnapshotRecord& r) { r.paths.assign(65537, "/"); }));
  CHECK(refuses([](SnapshotRecord& r) { r.paths = {std::string(kMiB, '/')}; }));
  CHECK(refuses([](SnapshotRecord& r) { r.tags.assign(1025, "t"); }));
  CHECK(refuses([](SnapshotRecord& r) { r.tags = {std::string(1025, 't')}; }));
  CHECK(refuses([](SnapshotRecord& r) { r.root.subtree->levels = 4; }));
}

TEST_CASE("a record above 1 MiB is refused, one just below is read") {
  SnapshotRecord record = full_record();
  record.paths.assign(10, std::string(100'000, '/'));
  CHECK(decode_snapshot(encoded(record)).paths == record.paths);
  record.paths.emplace_back(100'000, '/');
  CHECK(encode_error(record) == ErrorKind::failed);
  CHECK(kind_of_error([] { decode_snapshot(Bytes(kMaxSnapshotRecordBytes + 1, 1)); }) ==
        ErrorKind::damaged);
}

TEST_CASE("the id of a snapshot is the keyed hash of the whole record") {
  const Secret32 key(Bytes(32, 0x21));
  const Bytes bytes = encoded(full_record());
  Blake3Hasher hasher(key);
  hasher.update(bytes);
  CHECK(snapshot_id(key, bytes) == hasher.finish());
}

}  // namespace
}  // namespace coppice::test
