// Goal: the readme tells the next reader how to begin, and its last line tells whether it is still
// what was written.
#include "repo/readme_text.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"

namespace coppice {
namespace {

std::string sample_readme() {
  Header header;
  header.created_by = "coppice 0.1.0\nnot a line of its own";
  return make_readme(header, "coppice 0.1.0");
}

}  // namespace

TEST_CASE("the readme names the commands, the way without the program, and its own hash") {
  const std::string text = sample_readme();
  for (const char* piece :
       {"coppice -r THIS_DIRECTORY snapshots\n", "coppice -r THIS_DIRECTORY ls latest\n",
        "coppice -r THIS_DIRECTORY restore latest --target /some/empty/dir\n", "docs/format.md",
        "examples/rescue.py", "passphrase", "key file", "slots/", "Do not delete, rename",
        "0.1.0\\nnot a line", "  this text is from:   coppice 0.1.0\n"}) {
    CAPTURE(piece);
    CHECK(text.find(piece) != text.npos);
  }
  const std::size_t last = text.rfind("BLAKE3 of the lines above: ");
  CHECK(text.substr(last) ==
        "BLAKE3 of the lines above: " + blake3(as_bytes(text.substr(0, last))).hex() + "\n");
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\n') continue;
    CHECK(i - line_start <= 100);
    line_start = i + 1;
  }
}

TEST_CASE("a readme is intact only as it was written") {
  const std::string text = sample_readme();
  CHECK(is_readme_intact(as_bytes(text)));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string altered = text;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    CHECK_FALSE(is_readme_intact(as_bytes(altered)));
    CHECK_FALSE(is_readme_intact(as_bytes(text.substr(0, i))));
  }
  CHECK_FALSE(is_readme_intact(as_bytes(text + "\n")));
  CHECK_FALSE(is_readme_intact(as_bytes("BLAKE3 of the lines above: \n")));
  CHECK_FALSE(is_readme_intact(as_bytes("\n")));
}

}  // namespace coppice
