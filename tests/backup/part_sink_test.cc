#include "backup/part_sink.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "snapshot/memory_metadata.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

Bytes part(const std::string& text) { return to_bytes(as_bytes(text)); }

/// What an old version's parts are stored in, and which of them each new part was hinted to.
struct OldParts {
  MemoryMetadata metadata;
  std::vector<std::string> hinted;  // by put; "" for none

  Reference store(const std::vector<std::string>& texts) {
    ReferenceWriter parts(metadata);
    for (const std::string& text : texts) parts.add(metadata.put(part(text)));
    return parts.finish();
  }

  PartSink sink(MetadataSource* source, std::optional<Reference> old) {
    return PartSink(
        [this](ByteView encoded, std::span<const BaseHint> hints) {
          hinted.emplace_back();
          REQUIRE(hints.size() <= 1);
          if (!hints.empty()) {
            CHECK(hints.front().offset == 0);
            hinted.back() = as_text(metadata.chunks.at(hints.front().id));
          }
          return blake3(encoded);
        },
        source, old);
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("parts without an old version, or a way to read it, have no hints") {
  OldParts old;
  const Reference reference = old.store({"a", "b"});
  PartSink without_old = old.sink(&old.metadata, std::nullopt);
  PartSink without_source = old.sink(nullptr, reference);
  CHECK(without_old.put(part("x")) == blake3(part("x")));
  without_source.put(part("x"));
  CHECK(old.hinted == Texts{"", ""});
}

TEST_CASE("an old version of one part serves them all, and nothing is read for it") {
  OldParts old;
  const Reference reference = old.store({"a"});
  REQUIRE(reference.levels == 0);
  PartSink sink = old.sink(&old.metadata, reference);
  for (const char* text : {"x", "y", "z"}) sink.put(part(text));
  CHECK(old.hinted == Texts{"a", "a", "a"});
  CHECK(old.metadata.gets == 0);
}

TEST_CASE("each part has the old one of its number, those that are too many the last") {
  OldParts old;
  PartSink sink = old.sink(&old.metadata, old.store({"a", "b", "c"}));
  for (const char* text : {"v", "w", "x", "y", "z"}) sink.put(part(text));
  CHECK(old.hinted == Texts{"a", "b", "c", "c", "c"});
  CHECK(old.metadata.gets == 1);  // the list; parts are not fetched
}

TEST_CASE("after a part that both versions have, the next has the old one behind it") {
  OldParts old;
  const Reference reference = old.store({"a", "b", "c", "d", "e"});
  PartSink inserted = old.sink(&old.metadata, reference);
  for (const char* text : {"a", "new", "newer", "b", "c2", "d"}) inserted.put(part(text));
  CHECK(old.hinted == Texts{"a", "b", "c", "d", "c", "d"});
  old.hinted.clear();
  PartSink removed = old.sink(&old.metadata, reference);
  for (const char* text : {"a", "d", "e2"}) removed.put(part(text));
  CHECK(old.hinted == Texts{"a", "b", "e"});
}

TEST_CASE("parts beneath lists of lists are listed in their order") {
  OldParts old;
  std::vector<std::string> texts;
  for (int i = 0; i < 20'000; ++i) texts.push_back("part " + std::to_string(i));
  const Reference reference = old.store(texts);
  REQUIRE(reference.levels >= 2);
  PartSink sink = old.sink(&old.metadata, reference);
  sink.put(part("first"));
  sink.put(part("part 17000"));
  sink.put(part("other"));
  CHECK(old.hinted == Texts{"part 0", "part 1", "part 17001"});
}

TEST_CASE("an old list that cannot be read means no hints; a store that fails means failure") {
  OldParts old;
  const Reference reference = old.store({"a", "b"});
  MemoryMetadata lost;
  PartSink sink = old.sink(&lost, reference);
  sink.put(part("x"));
  sink.put(part("y"));
  CHECK(old.hinted == Texts{"", ""});
  CHECK(lost.gets == 1);

  class SilentStore final : public MetadataSource {
   public:
    Bytes get(const Id&) override { throw Error(ErrorKind::failed, "no answer"); }
  } silent;
  PartSink failing = old.sink(&silent, reference);
  CHECK(kind_of([&] { failing.put(part("x")); }) == ErrorKind::failed);
}

}  // namespace coppice::test
