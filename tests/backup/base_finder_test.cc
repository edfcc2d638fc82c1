// Goal: new chunks find the old ones that they are the next version of, by their place in the file
// and by how far what is around them has moved.
#include "backup/base_finder.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "snapshot/memory_metadata.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

Id old_id(std::uint32_t number) { return made_id(100, number); }
Id new_id(std::uint32_t number) { return made_id(200, number); }

ContentExtent extent(const Id& id, std::uint64_t length) { return {id, length, false}; }
ContentExtent hole(std::uint64_t length) { return {Id{}, length, true}; }

Piece piece(const Id& id, std::uint64_t length = 1000) {
  Piece made;
  made.id = id;
  made.length = length;
  return made;
}

Piece hole_piece(std::uint64_t length) {
  Piece made;
  made.is_hole = true;
  made.length = length;
  return made;
}

/// So many old chunks of 1000 bytes: the n-th begins at n * 1000.
Node old_file(MemoryMetadata& metadata, std::uint32_t chunks) {
  ContentWriter content(metadata);
  for (std::uint32_t n = 0; n < chunks; ++n) content.add_chunk(old_id(n), 1000);
  Node node = made_file("f");
  node.meta.size = content.size();
  node.content = content.finish();
  return node;
}

/// Fails as a store does that does not answer.
class SilentMetadata final : public MetadataSource {
 public:
  Bytes get(const Id&) override { throw Error(ErrorKind::failed, "no answer"); }
};

/// "number@offset" of each hint, which must be old chunks of `old_file`.
std::string text_of(const std::vector<BaseHint>& hints) {
  std::string text;
  for (const BaseHint& hint : hints) {
    const std::uint32_t number = static_cast<std::uint32_t>(hint.id.bytes[1]) |
                                 static_cast<std::uint32_t>(hint.id.bytes[2]) << 8;
    if (hint.id != old_id(number)) return "an unknown chunk";
    text += (text.empty() ? "" : " ") + std::to_string(number) + "@" + std::to_string(hint.offset);
  }
  return text;
}

std::vector<std::string> found(BaseFinder& finder, const std::vector<Piece>& pieces,
                               std::uint64_t offset = 0) {
  std::vector<std::string> texts;
  for (const auto& hints : finder.find(pieces, offset)) texts.push_back(text_of(hints));
  return texts;
}

using Texts = std::vector<std::string>;

/// True if one of the hints is to that chunk, at the new one's place.
bool names(const std::vector<BaseHint>& hints, const Id& id) {
  return std::any_of(hints.begin(), hints.end(),
                     [&](const BaseHint& hint) { return hint.id == id && hint.offset == 0; });
}

}  // namespace

TEST_CASE("without an old version, or a way to read it, there are no hints") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 3);
  const Node folder = made_directory("d", {0, old_id(1)});
  BaseFinder without_old(&metadata, nullptr);
  BaseFinder without_source(nullptr, &old);
  BaseFinder of_directory(&metadata, &folder);
  for (BaseFinder* finder : {&without_old, &without_source, &of_directory})
    CHECK(found(*finder, {piece(new_id(1)), piece(new_id(2))}) == Texts{"", ""});
}

TEST_CASE("a chunk that was changed in place has the old one of that place, others have none") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 4);
  BaseFinder finder(&metadata, &old);
  CHECK(found(finder, {piece(old_id(0)), piece(new_id(1)), piece(old_id(2)), piece(new_id(3))}) ==
        Texts{"", "1@0", "", "3@0"});
}

TEST_CASE("a chunk that was cut otherwise has all old ones that it overlaps") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 5);
  BaseFinder finder(&metadata, &old);
  // 0 … 500, 500 … 2500, 2500 … 3000, 3000 … 4001: each edge counts once.
  CHECK(found(finder, {piece(new_id(1), 500), piece(new_id(2), 2000), piece(new_id(3), 500),
                       piece(new_id(4), 1001)}) ==
        Texts{"0@0", "0@-500 1@500 2@1500", "2@-500", "3@0 4@1000"});
}

TEST_CASE("after an insertion the old chunks are looked for as far behind as it is long") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 4);
  BaseFinder finder(&metadata, &old);
  // What was inserted has no older version but what now stands at its place.
  CHECK(found(finder, {piece(new_id(9), 700), piece(old_id(0)), piece(new_id(1)), piece(old_id(2)),
                       piece(new_id(3))}) == Texts{"0@0", "", "1@0", "", "3@0"});
}

TEST_CASE("after a deletion the next chunk that both versions have tells how far to look ahead") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 6);
  BaseFinder finder(&metadata, &old);
  // 0, 1 and 2 are gone, 3 was changed: at the same place there is 0, one chunk before 4 is 3.
  CHECK(found(finder, {piece(new_id(3)), piece(old_id(4)), piece(new_id(5))}) ==
        Texts{"0@0 3@0", "", "5@0"});
}

TEST_CASE("an insertion within a chunk finds the old one on either side of it") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 3);
  BaseFinder finder(&metadata, &old);
  // Chunk 1 has become three: what was before, 5000 new bytes, and what was behind.
  CHECK(found(finder, {piece(old_id(0)), piece(new_id(1), 400), piece(new_id(2), 5000),
                       piece(new_id(3), 600), piece(old_id(2))}) ==
        Texts{"", "1@0", "1@-400 2@600 0@3600", "1@-400", ""});
}

TEST_CASE("how far things have moved is remembered from one part of a file to the next") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 10);
  BaseFinder finder(&metadata, &old);
  CHECK(found(finder, {piece(new_id(9), 3000), piece(old_id(0))}) ==
        Texts{"0@0 1@1000 2@2000", ""});
  CHECK(found(finder, {piece(new_id(1)), piece(new_id(2))}, 4000) == Texts{"1@0", "2@0"});
  // Parts in between, of which all was stored, were not shown.
  CHECK(found(finder, {piece(new_id(8))}, 11'000) == Texts{"8@0"});
}

TEST_CASE("holes have no hints, are no bases and take their room") {
  MemoryMetadata metadata;
  const Node old = made_file("f", {extent(old_id(0), 1000), hole(50'000), extent(old_id(1), 1000)});
  BaseFinder finder(&metadata, &old);
  CHECK(found(finder, {piece(new_id(0)), hole_piece(20'000), piece(new_id(5), 30'000),
                       piece(new_id(1))}) == Texts{"0@0", "", "", "1@0"});
}

TEST_CASE("far behind the old version's end, or if it was empty, there is nothing to be found") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 2);
  BaseFinder finder(&metadata, &old);
  CHECK(found(finder, {piece(old_id(0)), piece(old_id(1)), piece(new_id(2), 300'000)}) ==
        Texts{"", "", "1@-1000"});
  CHECK(found(finder, {piece(new_id(3))}, 302'000) == Texts{""});
  const Node empty = made_file("f");
  BaseFinder of_empty(&metadata, &empty);
  CHECK(found(of_empty, {piece(new_id(1))}) == Texts{""});
}

TEST_CASE("of many small old chunks the first 32 are hinted to") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 100);
  BaseFinder finder(&metadata, &old);
  const std::vector<Piece> pieces{piece(new_id(1), 100'000)};
  const auto hints = finder.find(pieces, 0);
  REQUIRE(hints.front().size() == 32);
  CHECK(hints.front().back().id == old_id(31));
  CHECK(hints.front().back().offset == 31'000);
}

TEST_CASE("the old list of a large file is read along with the new one, whatever its length") {
  constexpr std::uint32_t kChunks = 50'000;
  MemoryMetadata metadata;
  const Node old = old_file(metadata, kChunks);
  REQUIRE(old.content.reference);
  BaseFinder finder(&metadata, &old);
  for (std::uint32_t n = 1; n < kChunks; n += 4999) {
    CAPTURE(n);
    CHECK(found(finder, {piece(new_id(n)), piece(old_id(n + 1))}, std::uint64_t{n} * 1000) ==
          Texts{std::to_string(n) + "@0", ""});
  }
  // And after an insertion of 7000 chunks.
  BaseFinder moved(&metadata, &old);
  CHECK(found(moved, {piece(old_id(0))}, 7'000'000) == Texts{""});
  CHECK(found(moved, {piece(new_id(1))}, 7'001'000) == Texts{"1@0"});
  CHECK(found(moved, {piece(new_id(40'000))}, 47'000'000) == Texts{"40000@0"});
}

TEST_CASE("an old list that cannot be read means no hints; a store that fails means failure") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 5000);
  REQUIRE(old.content.reference);
  MemoryMetadata lost;
  BaseFinder finder(&lost, &old);
  CHECK(found(finder, {piece(new_id(1))}) == Texts{""});
  CHECK(found(finder, {piece(new_id(2))}, 1000) == Texts{""});
  CHECK(lost.gets == 1);  // nobody asks twice
  SilentMetadata silent;
  BaseFinder failing(&silent, &old);
  CHECK(kind_of([&] { found(failing, {piece(new_id(1))}); }) == ErrorKind::failed);
}

TEST_CASE("an old list that breaks off serves as far as it goes") {
  MemoryMetadata metadata;
  Node old = made_file("f", {extent(old_id(0), 1000), extent(old_id(1), 1000)});
  old.meta.size = 5000;  // a lie: the list ends before
  BaseFinder finder(&metadata, &old);
  CHECK(found(finder, {piece(new_id(0)), piece(new_id(1)), piece(new_id(2))}) ==
        Texts{"0@0", "1@0", "1@-1000"});  // as if the rest had been appended
}

TEST_CASE("the first of what is appended has the last old chunk as base, the rest none") {
  MemoryMetadata metadata;
  const Node old = old_file(metadata, 3);
  BaseFinder finder(&metadata, &old);
  CHECK(found(finder, {piece(old_id(0)), piece(old_id(1)), piece(old_id(2)), piece(new_id(1)),
                       piece(new_id(2), 256 << 10), piece(new_id(3))}) ==
        Texts{"", "", "", "2@-1000", "2@-2000", ""});
}

TEST_CASE("a chunk that the old version has many times does not lead astray") {
  MemoryMetadata metadata;
  const Id zeros = made_id(50);
  const Node old =
      made_file("f", {extent(zeros, 1000), extent(old_id(1), 1000), extent(zeros, 1000),
                      extent(old_id(3), 1000), extent(zeros, 1000), extent(zeros, 1000)});
  BaseFinder finder(&metadata, &old);
  const std::vector<Piece> pieces{piece(zeros),     piece(new_id(1)), piece(zeros),
                                  piece(new_id(3)), piece(zeros),     piece(zeros)};
  const auto hints = finder.find(pieces, 0);
  CHECK(names(hints[1], old_id(1)));
  CHECK(names(hints[3], old_id(3)));
}

}  // namespace coppice::test
