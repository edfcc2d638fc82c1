#include "snapshot/content_codec.h"

#include <doctest/doctest.h>

#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

const std::string kSevens = made_id(7).hex();

TEST_CASE("a list object is version, count and ids") {
  const std::vector<Id> ids = {made_id(7), made_id(7)};
  CHECK(encode_list(ids) == bytes_of_hex("01 02" + kSevens + kSevens));
  CHECK(decode_list(encode_list(ids)) == ids);
}

TEST_CASE("a content part is version, count and extents with the hole bit lowest") {
  const std::vector<ContentExtent> extents = {
      {made_id(7), 100, false}, {Id{}, 65536, true}, {made_id(7), 1, false}};
  // 100 * 2 = 200 = c8 01; 65536 * 2 + 1 = 131073 = 81 80 08; 1 * 2 = 02
  const Bytes expected = bytes_of_hex("01 03 c801" + kSevens + "818008 02" + kSevens);
  CHECK(encode_content_part(extents) == expected);
  CHECK(decode_content_part(expected) == extents);
}

TEST_CASE("a reference is levels and id") {
  ByteWriter out;
  write_reference(out, {2, made_id(7)});
  CHECK(out.bytes() == bytes_of_hex("02" + kSevens));
  ByteReader in(out.bytes());
  CHECK(read_reference(in) == Reference{2, made_id(7)});
  const Bytes deep = bytes_of_hex("04" + kSevens);
  ByteReader too_deep(deep);
  CHECK(kind_of_error([&] { read_reference(too_deep); }) == ErrorKind::damaged);
}

TEST_CASE("damaged lists and content parts are refused or harmless") {
  const std::vector<Id> ids = {made_id(7), made_id(9), made_id(200)};
  CHECK(survives_damage(encode_list(ids), [](ByteView bytes) { decode_list(bytes); }));
  const std::vector<ContentExtent> extents = {
      {made_id(7), 100, false}, {Id{}, 65536, true}, {made_id(7), 1, false}};
  CHECK(survives_damage(encode_content_part(extents),
                        [](ByteView bytes) { decode_content_part(bytes); }));
}

TEST_CASE("content parts that break the page are damaged") {
  const std::vector<std::string> broken = {
      "01 00",                     // empty
      "01 01 00" + kSevens,        // no length
      "01 01 01",                  // a hole without length
      "01 02 03 03",               // a hole after a hole
      "01 01 82808020" + kSevens,  // 32 MiB + 1
  };
  for (const std::string& hex : broken) {
    const Bytes bytes = bytes_of_hex(hex);
    CHECK(kind_of_error([&] { decode_content_part(bytes); }) == ErrorKind::damaged);
  }
  const Bytes largest = bytes_of_hex("01 01 80808020" + kSevens);
  CHECK(decode_content_part(largest).front().length == kMaxDataChunkBytes);
}

TEST_CASE("counts above the page's bounds are damaged even if the bytes are there") {
  CHECK(kind_of_error([] { decode_list(encode_list(std::vector<Id>(kMaxListIds + 1))); }) ==
        ErrorKind::damaged);
  CHECK(decode_list(encode_list(std::vector<Id>(kMaxListIds))).size() == kMaxListIds);
  const std::vector<ContentExtent> many(kMaxPartExtents + 1, {made_id(1), 1, false});
  CHECK(kind_of_error([&] { decode_content_part(encode_content_part(many)); }) ==
        ErrorKind::damaged);
}

TEST_CASE("an unknown version cannot be judged") {
  const Bytes list = bytes_of_hex("02 01" + kSevens);
  CHECK(kind_of_error([&] { decode_list(list); }) == ErrorKind::newer_version);
  CHECK(kind_of_error([&] { decode_content_part(list); }) == ErrorKind::newer_version);
}

}  // namespace
}  // namespace coppice::test
