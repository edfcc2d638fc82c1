#include "backup/exclude_file.h"

#include <doctest/doctest.h>

#include "support/thrown_error.h"

namespace coppice::test {
namespace {

using Lines = std::vector<std::string>;

Lines parse(std::string_view text) {
  return parse_exclude_lines(text, [](const std::string& name) {
    return name == "HOME" ? std::string("/home/$ann") : std::string();
  });
}

TEST_CASE("an exclude file has one pattern a line, with comments and empty lines") {
  CHECK(parse("") == Lines{});
  CHECK(parse("a") == Lines{"a"});
  CHECK(parse("a\n\n  # no\n#no\n\t b c \t\r\n \n!d#e\n") == Lines{"a", "b c", "!d#e"});
  CHECK(parse("\xEF\xBB\xBF# no\na\n") == Lines{"a"});
  CHECK(parse("\\#a\n\xFF\n") == Lines{"\\#a", "\xFF"});
}

TEST_CASE("variables are replaced once, and two dollar signs are one") {
  CHECK(parse("$HOME/x") == Lines{"/home/$ann/x"});
  CHECK(parse("!${HOME}x$HOME") == Lines{"!/home/$annx/home/$ann"});
  CHECK(parse("$HOMES/x") == Lines{"/x"});
  CHECK(parse("$$HOME") == Lines{"$HOME"});
  CHECK(parse("$UNSET\na") == Lines{"a"});
  CHECK(parse("~$*\na$\n$1") == Lines{"~$*", "a$", "$1"});
}

TEST_CASE("a broken variable is refused, and so is what the caller refuses") {
  for (const char* text : {"a${", "${}", "${HOME", "${HO ME}", "${1}"}) {
    CHECK_MESSAGE(kind_of([&] { parse(text); }) == ErrorKind::usage, text);
  }
  const VariableLookup refuse = [](const std::string& name) -> std::string {
    throw Error(ErrorKind::usage, name);
  };
  CHECK(kind_of([&] { parse_exclude_lines("$A", refuse); }) == ErrorKind::usage);
}

}  // namespace
}  // namespace coppice::test
