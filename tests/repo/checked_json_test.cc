// Goal: only whole, unambiguous, small JSON objects get past the checksum, and nothing hostile
// crashes the parser.
#include "repo/checked_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/id.h"
#include "crypto/hash.h"
#include "repo/json_fields.h"

namespace coppice {
namespace {

using nlohmann::json;

/// Adds a right checksum to `open`, the text of an object up to where the last member's name
/// stands.
std::string with_checksum(const std::string& open) {
  return open + "\"checksum\":\"" + blake3(as_bytes(open)).hex() + "\"}";
}

bool is_refused(const std::string& text, std::size_t max = kMaxCheckedJsonBytes) {
  try {
    parse_checked_json(as_bytes(text), "file", max);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::damaged);
    return true;
  }
  return false;
}

std::string repeat(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

}  // namespace

TEST_CASE("a checked text reads back, with its checksum as the last line") {
  nlohmann::ordered_json object;
  object["zebra"] = 1;
  object["apple"] = {"checksum", "x"};
  const std::string text = write_checked_json(object);
  CHECK(text.starts_with("{\n  \"zebra\": 1,\n"));
  const std::size_t key = text.rfind("\"checksum\"");
  CHECK(text.substr(key) ==
        "\"checksum\": \"" + blake3(as_bytes(text.substr(0, key))).hex() + "\"\n}\n");
  const json parsed = parse_checked_json(as_bytes(text), "file");
  CHECK(parsed["zebra"] == 1);
  CHECK(parsed["apple"] == json{"checksum", "x"});
}

TEST_CASE("white space in the tail is harmless, anything else there is not") {
  const std::string text = with_checksum("{\"a\":1,");
  const std::string quote_end = text.substr(0, text.size() - 1);
  CHECK_FALSE(is_refused(text));
  CHECK_FALSE(is_refused(quote_end + " \t\r\n}\n\n"));
  for (const std::string tail : {"}x", "}}", ",\"b\":2}", "", "]", "}{}"}) {
    CAPTURE(tail);
    CHECK(is_refused(quote_end + tail));
  }
  CHECK(is_refused(quote_end + "}" + std::string(1, '\0')));
  CHECK(is_refused(" " + text));  // before the checksum even a space counts
}

TEST_CASE("texts that are not one object ending in its checksum are damaged") {
  for (const std::string open : {"", "[", "{\"a\":", "{\"a\":{", "{\"a\":1", "{'a':1,", "{a:1,",
                                 "{\"a\":1,,", "/*c*/{", "{\"a\":\"\\", "{\"a\":\"\xff\","}) {
    CAPTURE(open);
    CHECK(is_refused(with_checksum(open)));
  }
  CHECK(is_refused(""));
  CHECK(is_refused("\"checksum\""));
  CHECK(is_refused("{\"checksum\":\"00\"}"));
  CHECK(is_refused(with_checksum(std::string("{\"a\":1,\0", 8))));
}

TEST_CASE("an upper-case or shortened checksum is not one") {
  const std::string text = with_checksum("{\"a\":1,");
  std::string upper = text;
  for (std::size_t i = upper.size() - 66; i < upper.size(); ++i) {
    if (upper[i] >= 'a' && upper[i] <= 'f') upper[i] = static_cast<char>(upper[i] - 32);
  }
  REQUIRE(upper != text);
  CHECK(is_refused(upper));
  std::string shorter = text;
  shorter.erase(shorter.size() - 3, 1);
  CHECK(is_refused(shorter));
}

TEST_CASE("two members of one name are refused at any depth") {
  CHECK(is_refused(with_checksum("{\"a\":1,\"a\":1,")));
  CHECK(is_refused(with_checksum("{\"a\":[{\"b\":1,\"b\":2}],")));
  CHECK(is_refused(with_checksum("{\"a\":1,\"\\u0061\":1,")));
  CHECK(is_refused(with_checksum("{\"checksum\":\"\",")));
  CHECK_FALSE(is_refused(with_checksum("{\"a\":{\"b\":1},\"b\":{\"b\":1},")));
}

TEST_CASE("depth, number of values and size are bounded") {
  CHECK_FALSE(is_refused(with_checksum("{\"a\":" + repeat("[", 7) + repeat("]", 7) + ",")));
  CHECK(is_refused(with_checksum("{\"a\":" + repeat("[", 8) + repeat("]", 8) + ",")));
  CHECK(is_refused(with_checksum("{\"a\":" + repeat("[", 500000) + repeat("]", 500000) + ",")));
  CHECK(
      is_refused(with_checksum("{\"a\":" + repeat("{\"a\":", 100000) + repeat("}", 100000) + ",")));
  // The object, the list, and the checksum are values too.
  CHECK_FALSE(is_refused(with_checksum("{\"a\":[0" + repeat(",0", kMaxJsonValues - 4) + "],")));
  CHECK(is_refused(with_checksum("{\"a\":[0" + repeat(",0", kMaxJsonValues - 3) + "],")));
  const std::string text = with_checksum("{\"a\":1,");
  CHECK_FALSE(is_refused(text, text.size()));
  CHECK(is_refused(text, text.size() - 1));
}

TEST_CASE("members are read by type and range, whatever the storage says") {
  const json object = json::parse(
      R"({"n":7,"neg":-1,"f":1.5,"e":1e3,"huge":99999999999999999999,"t":"00ff","u":"00FF","l":["a"],"m":["a",1],"z":null})");
  const JsonFields fields(object, "file");
  CHECK(fields.number("n", 7) == 7);
  CHECK(fields.hex("t") == Bytes{0, 255});
  CHECK(fields.texts("l") == std::vector<std::string>{"a"});
  CHECK_THROWS_AS(fields.number("n", 6), Error);
  for (const char* name : {"neg", "f", "e", "huge", "t", "l", "z", "missing"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(fields.number(name, ~std::uint64_t{0}), Error);
  }
  CHECK_THROWS_AS(fields.text("n"), Error);
  CHECK_THROWS_AS(fields.texts("m"), Error);
  CHECK_THROWS_AS(fields.texts("t"), Error);
  CHECK_THROWS_AS(fields.object("l"), Error);
  CHECK_THROWS_AS(fields.hex("u"), Error);
  CHECK_THROWS_AS(fields.id<Id>("t"), Error);
  CHECK_THROWS_AS(fields.base64("n", 10), Error);
  CHECK_THROWS_AS(fields.base64("t", 2), Error);  // "00ff" is base64 of three bytes
  CHECK(fields.base64("t", 3).size() == 3);
  CHECK_THROWS_AS(JsonFields(object["l"], "file"), Error);
}

TEST_CASE("numbers too large for any type are an error, not a crash") {
  CHECK(is_refused(with_checksum("{\"a\":1e999,")));
  CHECK(is_refused(with_checksum("{\"a\":-,")));
  CHECK_FALSE(is_refused(with_checksum("{\"a\":" + repeat("9", 300) + ",")));
}

}  // namespace coppice
