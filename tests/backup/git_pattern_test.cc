#include "backup/git_pattern.h"

#include <doctest/doctest.h>

#include <string>

using namespace coppice;

namespace {

bool matches(std::string_view line, std::string_view path, bool is_directory = false) {
  const auto pattern = GitPattern::parse(line);
  return pattern && pattern->matches(path, is_directory);
}

}  // namespace

TEST_CASE("git: without a slash a pattern is compared with names, with one with whole paths") {
  CHECK(matches("a.o", "a.o"));
  CHECK(matches("a.o", "b/c/a.o"));
  CHECK_FALSE(matches("a.o", "a.o/b"));
  CHECK(matches("/a.o", "a.o"));
  CHECK_FALSE(matches("/a.o", "b/a.o"));
  CHECK(matches("b/a.o", "b/a.o"));
  CHECK_FALSE(matches("b/a.o", "c/b/a.o"));
  CHECK_FALSE(matches("//a.o", "a.o"));
}

TEST_CASE("git: a slash at the end is for directories") {
  CHECK(matches("build/", "x/build", true));
  CHECK_FALSE(matches("build/", "x/build"));
  CHECK(matches("/x/build/", "x/build", true));
  CHECK_FALSE(matches("x\\/", "x", true));
}

TEST_CASE("git: stars take no slash, double stars between slashes do") {
  CHECK(matches("x/*/y", "x/a/y"));
  CHECK_FALSE(matches("x/*/y", "x/a/b/y"));
  CHECK_FALSE(matches("x/*", "x/a/b"));
  CHECK(matches("x/**/y", "x/y"));
  CHECK(matches("x/**/y", "x/a/b/y"));
  CHECK_FALSE(matches("x/**/y", "xy"));
  CHECK(matches("**/y", "y"));
  CHECK(matches("**/a/*b*c/y", "q/a/b/a/bbcc/y"));
  CHECK(matches("x/**", "x/a/b"));
  CHECK_FALSE(matches("x/**", "x"));
  CHECK_FALSE(matches("x/a**b", "x/a/b"));
  CHECK(matches("**/a/**/b/**/c", "a/x/b/c/b/x/c"));
  CHECK_FALSE(matches("**/a/**/b/**/c", "a/x/b/c/b/x"));
  CHECK(matches("x?y", "x-y"));
  CHECK_FALSE(matches("a/x?y", "a/x/y"));
  CHECK(matches("foo**/bar", "fooa/b/bar"));  // an oddity of git's, kept
}

TEST_CASE("git: sets") {
  CHECK(matches("[a-c]x", "bx"));
  CHECK_FALSE(matches("[!a-c]x", "bx"));
  CHECK_FALSE(matches("[^a-c]x", "bx"));
  CHECK(matches("[]]", "]"));
  CHECK(matches("[!]]", "a"));
  CHECK(matches("[a\\-c]", "-"));
  CHECK_FALSE(matches("[a\\-c]", "b"));
  CHECK(matches("[[:upper:]0]*", "Ab"));
  CHECK_FALSE(matches("[[:upper:]]*", "ab"));
  CHECK_FALSE(matches("a/x[!a]y", "a/x/y"));
}

TEST_CASE("git: what is broken matches nothing") {
  for (const char* line : {"[a", "[", "[!", "[a-", "[[:nonsense:]]", "a\\", "[a\\"}) {
    CHECK_FALSE(matches(line, "a"));
    CHECK_FALSE(matches(line, line));
  }
}

TEST_CASE("git: comments, escapes, negation and spaces") {
  CHECK_FALSE(GitPattern::parse(""));
  CHECK_FALSE(GitPattern::parse("   "));
  CHECK_FALSE(GitPattern::parse("# a"));
  CHECK_FALSE(GitPattern::parse("!"));
  CHECK_FALSE(GitPattern::parse("/"));
  CHECK(matches("\\#a", "#a"));
  CHECK(matches("\\!a", "!a"));
  CHECK(GitPattern::parse("!a")->is_negated());
  CHECK(matches("a  ", "a"));
  CHECK(matches("a\\  ", "a "));
  CHECK(matches("a\t", "a\t"));
  CHECK(matches(std::string_view("a\0b", 3), "a"));
}

TEST_CASE("git: a file's lines, of DOS too") {
  const auto patterns = parse_ignore_file(
      "\xEF\xBB\xBF"
      "a\r\n\r\n#b\n!c \r\nd\r\r\ne");
  REQUIRE(patterns.size() == 4);
  CHECK(patterns[0].matches("a", false));
  CHECK(patterns[1].is_negated());
  CHECK(patterns[1].matches("c", false));
  CHECK(patterns[2].matches("d\r", false));
  CHECK(patterns[3].matches("e", false));
}

TEST_CASE("git: a pattern made to be slow is not") {
  std::string glob = "x/";
  for (int at = 0; at < 100; ++at) glob += "**/*a*a*a/";
  CHECK_FALSE(matches(glob + "b", "x/" + std::string(2000, 'a') + std::string(2000, '/')));
}
