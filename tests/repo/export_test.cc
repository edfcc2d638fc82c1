// Goal: what was exported comes back byte for byte or not at all, and slot names are safe as file
// names.
#include "repo/export.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "repo/edited_text.h"

namespace coppice {
namespace {

HeaderExport sample_export() {
  HeaderExport content;
  content.repository_id.bytes.fill(0x5A);
  content.header = to_bytes(as_bytes("{header}\n"));
  content.slots = {{std::string(32, 'a'), Bytes{1, 2}}, {std::string(32, 'b'), Bytes{}}};
  content.log = {Bytes{0, 255, 7}, Bytes{}};
  return content;
}

ErrorKind error_of(const std::string& text) {
  try {
    decode_export(as_bytes(text));
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("was accepted");
  return ErrorKind::failed;
}

}  // namespace

TEST_CASE("an export reads back") {
  CHECK(decode_export(as_bytes(encode_export(sample_export()))) == sample_export());
  CHECK(decode_export(as_bytes(encode_export({}))) == HeaderExport{});
}

TEST_CASE("every byte of an export, changed to any other, is found or harmless") {
  const std::string text = encode_export(sample_export());
  std::size_t harmless = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string altered = text;
      altered[i] = static_cast<char>(value);
      if (altered == text) continue;
      try {
        const HeaderExport decoded = decode_export(as_bytes(altered));
        CHECK(decoded == sample_export());
        ++harmless;
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::damaged);
      }
    }
  }
  CHECK(harmless == 9);  // white space in the tail
}

TEST_CASE("malformed exports with a right checksum are refused") {
  const std::string text = encode_export(sample_export());
  const std::string a(32, 'a');
  CHECK(error_of(edited(text, "\"version\": 1", "\"version\": 2")) == ErrorKind::newer_version);
  CHECK(error_of(edited(text, "header export", "header")) == ErrorKind::damaged);
  CHECK(error_of(edited(text, a, "../../../etc/passwd")) == ErrorKind::damaged);
  CHECK(error_of(edited(text, a, std::string(32, 'A'))) == ErrorKind::damaged);
  CHECK(error_of(edited(text, a, std::string(32, 'b'))) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"AQI=\"", "\"AQI\"")) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"AQI=\"", "\"AQJ=\"")) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"AQI=\"", "12")) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"AP8H\"", "{}")) == ErrorKind::damaged);
  CHECK(error_of(edited(text, "\"log\": [", "\"log\": 1, \"x\": [")) == ErrorKind::damaged);
  CHECK(error_of("") == ErrorKind::damaged);
}

TEST_CASE("large exports are held to the limits on both sides") {
  HeaderExport content = sample_export();
  content.log.assign(11, Bytes(1 << 20, 1));
  CHECK(decode_export(as_bytes(encode_export(content))) == content);
  content.log.assign(12, Bytes(1 << 20, 1));
  CHECK_THROWS_AS(encode_export(content), Error);
  content.log.assign(1, Bytes((1 << 20) + 1, 1));
  CHECK_THROWS_AS(encode_export(content), Error);
  content.log.assign(65536, Bytes{});
  CHECK_THROWS_AS(encode_export(content), Error);
  content.log.resize(65536 - 16 - 6);
  CHECK(decode_export(as_bytes(encode_export(content))) == content);
}

}  // namespace coppice
