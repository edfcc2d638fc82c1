#include "store/store.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace coppice;

TEST_CASE(
    "object names cannot lead out of the store, into its unfinished files or to hidden files") {
  for (const char* name :
       {"header", "log/00000000000000000007", "packs/3f/3f2a.par", "a-b", "tmpx/y", "x/tmp"}) {
    CAPTURE(name);
    CHECK(is_object_name(name));
  }
  for (const char* name : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", ".nfs01", "tmp",
                           "tmp/a", "A", "a_b", "a b", "a\nb", "\xc3\xa4"}) {
    CAPTURE(name);
    CHECK_FALSE(is_object_name(name));
  }
  CHECK(is_object_name(std::string(255, 'a')));
  CHECK_FALSE(is_object_name(std::string(256, 'a')));
}

TEST_CASE("a bad object name is damage, told without control characters") {
  try {
    expect_object_name("a\x1b[2J");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::damaged);
    CHECK(std::string(error.what()).find('\x1b') == std::string::npos);
  }
}
