// Goal: a key file is exact, so that a damaged or mistyped one is told as such and never taken for
// another key.
#include "repo/key_file.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "repo/counting_random.h"

namespace coppice {
namespace {

const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

ErrorKind key_file_error(const std::string& text) {
  try {
    parse_key_file(as_bytes(text));
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("was accepted: " << text);
  return ErrorKind::failed;
}

}  // namespace

TEST_CASE("a key file is two lines and reads back") {
  CountingRandom random;
  const SecretBytes text = make_key_file(random);
  CHECK(as_text(text.view()) == "coppice key file 1\n" + kHex + "\n");
  CHECK(to_hex(parse_key_file(text.view()).view()) == kHex);
  CHECK(to_hex(parse_key_file(as_bytes("coppice key file 1\n" + kHex)).view()) == kHex);
}

TEST_CASE("anything but those two lines is no key file") {
  std::string upper = kHex;
  upper.back() = 'F';
  const std::vector<std::string> others = {
      "",
      kHex,
      "coppice key file 1\n",
      "coppice key file 1\n" + upper + "\n",
      "coppice key file 1\n" + kHex + "\n\n",
      "coppice key file 1\n" + kHex + "0\n",
      "coppice key file 1\n" + kHex.substr(1) + "\n",
      "coppice key file 1\r\n" + kHex + "\r\n",
      " coppice key file 1\n" + kHex + "\n",
      "coppice key file 1" + kHex,
      "coppice key file 01\n" + kHex,
      "coppice key file x\n" + kHex,
      "coppice key file ",
      "coppice key file \n" + kHex,
  };
  for (const std::string& text : others) {
    CAPTURE(text);
    CHECK(key_file_error(text) == ErrorKind::no_key);
  }
}

TEST_CASE("a key file of a higher number comes from a newer program") {
  CHECK(key_file_error("coppice key file 2\nwhatever") == ErrorKind::newer_version);
  CHECK(key_file_error("coppice key file 10\n" + kHex + "\n") == ErrorKind::newer_version);
}

}  // namespace coppice
