#include "restore/dump.h"

#include <fcntl.h>

#include "fs/fd.h"
#include "restore_kit.h"

using namespace coppice;
using namespace coppice::test;

namespace {

struct Dump {
  FindingList findings;
  std::string bytes;
};

Dump dump(RepositoryFixture& fixture, const Reference& root, const std::string& path) {
  Dump result;
  ScratchDir scratch;
  const std::string out = scratch / "out";
  const Fd fd = open_at(AT_FDCWD, out.c_str(), O_WRONLY | O_CREAT, 0600);
  dump_file(fixture.repository(), made_root(root), path, fd.get(), {}, result.findings);
  result.bytes = read_text(out);
  return result;
}

}  // namespace

TEST_CASE("a file is dumped with its holes as zeros") {
  RepositoryFixture fixture;
  const std::string content = noise(30'000);
  const Reference root = fixture.store_tree(
      {directory("d", {sparse_file("f", {{content, 0}, {"", 100'000}, {"end", 0}})}),
       symbolic_link("l", "d/f"), file("empty", "")});
  const Dump dumped = dump(fixture, root, "/d/f");
  CHECK(dumped.bytes == content + std::string(100'000, '\0') + "end");
  CHECK(dumped.findings.all.empty());
  CHECK(dump(fixture, root, "/empty").bytes.empty());
  CHECK(kind_of([&] { dump(fixture, root, "/d"); }) == ErrorKind::usage);
  CHECK(kind_of([&] { dump(fixture, root, "/l"); }) == ErrorKind::usage);
  CHECK(kind_of([&] { dump(fixture, root, "/none"); }) == ErrorKind::usage);
}

TEST_CASE("a damaged file is not dumped as if it were whole") {
  RepositoryFixture fixture;
  const Reference root = fixture.store_tree({file("f", "content")});
  fixture.damage_chunk("content");
  const Error error = error_of([&] { dump(fixture, root, "/f"); });
  CHECK(error.kind() == ErrorKind::damaged);
  CHECK(std::string(error.what()).find("/f") == 0);
}
