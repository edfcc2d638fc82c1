// Goal: an altered header is never taken for another one, and a newer repository is left alone.
#include "repo/header.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "repo/edited_text.h"

namespace coppice {
namespace {

Header sample_header() {
  Header header;
  for (std::size_t i = 0; i < Id::kSize; ++i) {
    header.repository_id.bytes[i] = static_cast<std::uint8_t>(i);
  }
  header.created_by = "coppice 0.1.0";
  return header;
}

/// The kind of error that decoding ends in; REQUIREs one.
ErrorKind header_error(const std::string& text) {
  try {
    decode_header(as_bytes(text));
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("was accepted");
  return ErrorKind::failed;
}

/// The text with one piece replaced and the checksum made right again.
}  // namespace

TEST_CASE("a header has exactly this text") {
  CHECK(encode_header(sample_header()) == R"({
  "format": "coppice repository",
  "version": 1,
  "repository_id": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "created_by": "coppice 0.1.0",
  "features": {
    "compatible": [],
    "read_only_compatible": [],
    "incompatible": []
  },
  "checksum": "9513f2b86be74c2c43141afc97391636025ddc522eb12857c7a4a6f91113dbbd"
}
)");
}

TEST_CASE("a header reads back") {
  Header header = sample_header();
  header.features.compatible = {"checksum", "later"};
  header.created_by = "a \"checksum\": \"\\ name";
  CHECK(decode_header(as_bytes(encode_header(header))) == header);
}

TEST_CASE("every byte of a header, changed to any other, is found or harmless") {
  const Header header = sample_header();
  const std::string text = encode_header(header);
  std::size_t harmless = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string altered = text;
      altered[i] = static_cast<char>(value);
      if (altered == text) continue;
      try {
        const Header decoded = decode_header(as_bytes(altered));
        CHECK(decoded == header);
        ++harmless;
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::damaged);
      }
    }
  }
  CHECK(harmless == 9);  // the three white spaces of the tail, each as one of the other three
}

TEST_CASE("a header cut short anywhere is damaged, until nothing shows what it was") {
  const std::string text = encode_header(sample_header());
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    const bool is_recognisable = size >= text.find("coppice") + 7;
    CHECK(header_error(text.substr(0, size)) ==
          (is_recognisable ? ErrorKind::damaged : ErrorKind::no_repository));
  }
}

TEST_CASE("files that are no header at all are no repository") {
  CHECK(header_error("") == ErrorKind::no_repository);
  CHECK(header_error("hello") == ErrorKind::no_repository);
  CHECK(header_error("{\"repository\": 2}") == ErrorKind::no_repository);
  CHECK(header_error(std::string(4096, '\0')) == ErrorKind::no_repository);
  CHECK(header_error(edited(encode_header(sample_header()), "coppice repository",
                            "coppice slot")) == ErrorKind::no_repository);
}

TEST_CASE("a newer repository is not judged") {
  Header header = sample_header();
  header.version = 2;
  CHECK(header_error(encode_header(header)) == ErrorKind::newer_version);
  CHECK(header_error(edited(encode_header(sample_header()), "\"version\": 1",
                            "\"version\": 1099511627776")) == ErrorKind::newer_version);
  // Nothing else is looked at in a newer one.
  CHECK(header_error(edited(encode_header(header), "\"features\"", "\"abilities\"")) ==
        ErrorKind::newer_version);
  header = sample_header();
  header.features.incompatible = {"time travel"};
  CHECK(header_error(encode_header(header)) == ErrorKind::newer_version);
}

TEST_CASE("an unknown read-only-compatible feature allows reading only") {
  Header header = sample_header();
  header.features.compatible = {"colour"};
  CHECK_FALSE(is_read_only(decode_header(as_bytes(encode_header(header)))));
  header.features.read_only_compatible = {"quota"};
  CHECK(is_read_only(decode_header(as_bytes(encode_header(header)))));
}

TEST_CASE("wrong types with a right checksum are damaged; unknown members are ignored") {
  const std::string text = encode_header(sample_header());
  CHECK(header_error(edited(text, "\"version\": 1", "\"version\": \"1\"")) == ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"version\": 1", "\"version\": 0")) == ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"version\": 1", "\"version\": -1")) == ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"version\": 1", "\"version\": 1.0")) == ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"0001", "\"001")) == ErrorKind::damaged);
  CHECK(header_error(edited(text, "1e1f\"", "1E1F\"")) == ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"created_by\": \"coppice 0.1.0\"", "\"created_by\": null")) ==
        ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"compatible\": []", "\"compatible\": {}")) ==
        ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"incompatible\": []", "\"incompatible\": [7]")) ==
        ErrorKind::damaged);
  CHECK(header_error(edited(text, "\"incompatible\": []", "\"z\": []")) == ErrorKind::damaged);
  const std::string more = edited(text, "\"version\": 1", "\"colour\": [1.5], \"version\": 1");
  CHECK(decode_header(as_bytes(more)) == sample_header());
}

}  // namespace coppice
