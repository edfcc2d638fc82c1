#include "backup/pattern.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/thrown_error.h"

namespace coppice::test {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  return Pattern(pattern, false).matches(path);
}

TEST_CASE("a pattern without a leading slash matches at every depth") {
  CHECK(matches("cache", "/cache"));
  CHECK(matches("cache", "/home/ann/cache"));
  CHECK_FALSE(matches("cache", "/home/ann/caches"));
  CHECK_FALSE(matches("cache", "/home/ann/xcache"));
  CHECK(matches("ann/cache", "/home/ann/cache"));
  CHECK_FALSE(matches("home/cache", "/home/ann/cache"));
  CHECK(matches("b/c", "/b/b/c"));
  CHECK(matches("a/a/b", "/a/a/a/b"));
  CHECK_FALSE(matches("ann/cache", "/ann"));
}

TEST_CASE("a pattern with a leading slash matches from the root only") {
  CHECK(matches("/home", "/home"));
  CHECK_FALSE(matches("/ann", "/home/ann"));
  CHECK(matches("/home/*/x", "/home/ann/x"));
  CHECK_FALSE(matches("/home/*/x", "/home/ann/y/x"));
  CHECK_FALSE(matches("/home", "home"));
  CHECK(matches("/", "/home"));
}

TEST_CASE("a match of a directory covers all below it") {
  CHECK(matches("/home/ann", "/home/ann/a/b/c"));
  CHECK(matches("cache", "/home/cache/a/b"));
  CHECK(matches("*.tmp", "/home/x.tmp/a/b"));
  CHECK(matches("ann/*", "/home/ann/a/b"));
  CHECK_FALSE(matches("ann/*", "/home/ann"));
}

TEST_CASE("pattern and path are compared name by name, however they are written") {
  CHECK(matches("/home/ann/", "/home/ann"));
  CHECK(matches("cache/", "/home/cache"));
  CHECK(matches("//home///ann", "/home/ann"));
  CHECK(matches("./cache", "/home/cache"));
  CHECK(matches("/home/./bob/../ann", "/home/ann"));
  CHECK(matches("/../home", "/home"));
  CHECK(matches("/home", "/home/"));
  CHECK_FALSE(matches("../cache", "/home/cache"));
  CHECK_FALSE(matches(".", "/home"));
  CHECK_FALSE(matches("a/..", "/a"));
}

TEST_CASE("wildcards stay within a name") {
  CHECK(matches("*.o", "/src/a.o"));
  CHECK(matches("*.o", "/src/.o"));
  CHECK_FALSE(matches("*.o", "/src/a.oo"));
  CHECK_FALSE(matches("/*.o", "/src/a.o"));
  CHECK_FALSE(matches("/s*o", "/src/a.o"));
  CHECK_FALSE(matches("/src?a.o", "/src/a.o"));
  CHECK(matches("?.o", "/src/a.o"));
  CHECK_FALSE(matches("?.o", "/src/ab.o"));
  CHECK_FALSE(matches("?", "/ab"));
  CHECK(matches("a*b*c", "/aXbbYbZc"));
  CHECK_FALSE(matches("a*b*c", "/aXbbYbZ"));
  CHECK(matches("*a", "/aa"));
  CHECK(matches("***", "/a"));
  CHECK(matches("a**b", "/a--b"));
  CHECK_FALSE(matches("/a**b", "/a/b"));
}

TEST_CASE("two stars as a whole name span any number of directories") {
  for (const char* path : {"/src/x.o", "/src/a/x.o", "/src/a/b/x.o", "/src/x.o/below"}) {
    CHECK_MESSAGE(matches("/src/**/*.o", path), path);
  }
  CHECK_FALSE(matches("/src/**/*.o", "/other/a/x.o"));
  CHECK(matches("src/**/obj/**/x", "/home/src/obj/x"));
  CHECK(matches("src/**/obj/**/x", "/src/a/obj/b/c/x/y"));
  CHECK_FALSE(matches("src/**/obj/**/x", "/obj/src/a/x"));
  CHECK(matches("src/**/a/b", "/src/a/c/a/b"));
  CHECK(matches("**", "/a"));
  CHECK(matches("/**/b", "/a/b"));
  CHECK(matches("/**/**/b", "/b"));
  // As in restic, none is a number too.
  CHECK(matches("/src/**", "/src"));
}

TEST_CASE("a bracket expression is a set of characters and ranges") {
  CHECK(matches("[abc]", "/b"));
  CHECK_FALSE(matches("[abc]", "/d"));
  CHECK(matches("x[0-9][a-f]", "/x7c"));
  CHECK_FALSE(matches("x[0-9]", "/x"));
  CHECK(matches("[^0-9]", "/a"));
  CHECK_FALSE(matches("[^0-9]", "/5"));
  CHECK(matches("[!a]", "/!"));  // no complement in Go, nor here
  CHECK_FALSE(matches("[!a]", "/b"));
  CHECK_FALSE(matches("[z-a]", "/m"));
  CHECK(matches("[a^]", "/^"));
  CHECK(matches("*[0-9].log", "/a.1.log"));
  CHECK(matches("a]", "/a]"));
}

TEST_CASE("a backslash takes the next character literally") {
  CHECK(matches("\\*", "/*"));
  CHECK_FALSE(matches("\\*", "/a"));
  CHECK(matches("a\\?b", "/a?b"));
  CHECK(matches("\\[x\\]", "/[x]"));
  CHECK(matches("[\\]\\-]", "/]"));
  CHECK(matches("[\\]\\-]", "/-"));
  CHECK(matches("\\\\", "/\\"));
  CHECK(matches("\\!a", "/!a"));
  CHECK(matches("\\**", "/*a"));
}

TEST_CASE("a broken pattern is refused and named") {
  for (const char* text : {"", "!", "[", "a/[b", "[]", "[]a]", "[^]", "[-a]", "[a-]", "[a-", "[a\\",
                           "a\\", "a\\/b", "[a/b]", "**/[", "!["}) {
    CHECK_MESSAGE(kind_of([&] { Pattern(text, false); }) == ErrorKind::usage, text);
  }
  const Error error = error_of([] { Pattern("src/x[y", false); });
  CHECK(std::string(error.what()).find("\"src/x[y\"") != std::string::npos);
}

TEST_CASE("an exclamation mark in front negates and is no part of the match") {
  const Pattern pattern("!*.txt", false);
  CHECK(pattern.is_negated());
  CHECK(pattern.matches("/a.txt"));
  CHECK_FALSE(pattern.matches("/a.doc"));
  CHECK_FALSE(Pattern("a!", false).is_negated());
}

TEST_CASE("ignoring case holds for letters of all scripts, and other bytes stay as they are") {
  const auto ignoring = [](std::string_view pattern, std::string_view path) {
    return Pattern(pattern, true).matches(path);
  };
  CHECK(ignoring("ÄRGER", "/ärger"));
  CHECK(ignoring("ärger", "/ÄRGER"));
  CHECK(ignoring("ΣΟΦΙΑ*", "/σοφια.txt"));
  CHECK(ignoring("жизнь", "/ЖИЗНЬ"));
  CHECK(ignoring("[Ä-Ö]x", "/öX"));
  CHECK(ignoring("𐐀", "/𐐨"));
  CHECK(ignoring("a\xff?", "/A\xffÄ"));
  CHECK_FALSE(ignoring("\xc4", "/\xe4"));
  CHECK_FALSE(Pattern("ÄRGER", false).matches("/ärger"));
}

TEST_CASE("case counts unless told otherwise") {
  CHECK_FALSE(matches("*.JPG", "/a.jpg"));
  CHECK(Pattern("*.JPG", true).matches("/a.jPg"));
  CHECK(Pattern("/home/Ann", true).matches("/HOME/aNN/x"));
  CHECK(Pattern("[A-C]x", true).matches("/bX"));
  CHECK_FALSE(Pattern("[^a]", true).matches("/A"));
  CHECK(Pattern("\\A\xC3\x84", true).matches("/a\xC3\x84"));
  CHECK(Pattern("\xC3\x84", true).matches("/\xC3\xA4"));
}

TEST_CASE("a character is one of UTF-8, or a byte that is none") {
  CHECK(matches("?", "/\xC3\xA4"));
  CHECK(matches("[\xC3\xA0-\xC3\xBF]", "/\xC3\xA4"));
  CHECK_FALSE(matches("[^\xC3\xA4]", "/\xC3\xA4"));
  CHECK(matches("x?", "/x\xE2\x82\xAC"));
  CHECK(matches("?", "/\xF0\x9F\x8C\xB3"));
  CHECK(matches("?", "/\xFF"));
  CHECK(matches("\xFF*", "/\xFF\xFE"));
  CHECK(matches("[\xF0-\xFF]", "/\xFE"));
  CHECK_FALSE(matches("?",
                      "/\xC3"
                      "x"));
  CHECK_FALSE(matches("[\xFF]", "/\xFE"));
}

TEST_CASE("a hostile pattern is judged in reasonable time") {
  // Tried one expansion after another, each of these takes longer than anyone would wait.
  std::string stars;
  for (int i = 0; i < 60; ++i) stars += "*a";
  CHECK_FALSE(matches(stars + "b", "/" + std::string(250, 'a')));
  std::string spans;
  for (int i = 0; i < 60; ++i) spans += "/**/a";
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "/a";
  CHECK_FALSE(matches(spans + "/b", path));
  CHECK(matches(spans, path));
}

}  // namespace
}  // namespace coppice::test
