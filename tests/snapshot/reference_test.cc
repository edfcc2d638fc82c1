#include "snapshot/reference.h"

#include <doctest/doctest.h>

#include "snapshot/content_codec.h"
#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

using Visits = std::vector<std::pair<Id, int>>;

Visits visits_of(MemoryMetadata& store, const Reference& reference) {
  Visits visits;
  CHECK(walk_reference(store, reference, [&](const Id& id, std::uint8_t levels) {
    visits.emplace_back(id, levels);
    return true;
  }));
  return visits;
}

Id put_list(MemoryMetadata& store, const std::vector<Id>& ids) {
  return store.put(encode_list(ids));
}

TEST_CASE("one part is its own reference, several need a list") {
  MemoryMetadata store;
  ReferenceWriter writer(store);
  writer.add(made_id(9, 1));
  CHECK(writer.finish() == Reference{0, made_id(9, 1)});
  CHECK(store.chunks.empty());
  writer.add(made_id(9, 1));
  writer.add(made_id(9, 2));
  const Id list = blake3(encode_list(std::vector<Id>{made_id(9, 1), made_id(9, 2)}));
  CHECK(writer.finish() == Reference{1, list});
  CHECK(writer.is_empty());
}

TEST_CASE("lists are cut by the rule of extents, and a full list makes no empty one") {
  MemoryMetadata store;
  ReferenceWriter writer(store);
  for (std::uint32_t i = 0; i < kMaxCutItems; ++i) writer.add(made_id(9, i));
  CHECK(writer.finish().levels == 1);
  for (std::uint32_t i = 0; i <= kMaxCutItems; ++i) writer.add(made_id(9, i));
  const Reference two = writer.finish();
  CHECK(two.levels == 2);
  const std::vector<Id> lists = decode_list(store.get(two.id));
  REQUIRE(lists.size() == 2);
  CHECK(decode_list(store.get(lists[1])) == std::vector<Id>{made_id(9, kMaxCutItems)});
  for (std::uint32_t i = 0; i < 3000; ++i) writer.add(made_id(i == 1023 ? 3 : 4, i));
  CHECK(decode_list(store.get(decode_list(store.get(writer.finish().id))[0])).size() == 1024);
}

TEST_CASE("a walk meets lists before what they name and fetches no parts") {
  MemoryMetadata store;
  const Id low1 = put_list(store, {made_id(9, 1), made_id(9, 2)});
  const Id low2 = put_list(store, {made_id(9, 3)});
  const Id top = put_list(store, {low1, low2});
  CHECK(visits_of(store, {2, top}) == Visits{{top, 2},
                                             {low1, 1},
                                             {made_id(9, 1), 0},
                                             {made_id(9, 2), 0},
                                             {low2, 1},
                                             {made_id(9, 3), 0}});
  CHECK(store.gets == 3);
  CHECK(visits_of(store, {0, made_id(5)}) == Visits{{made_id(5), 0}});
}

TEST_CASE("a walk ends at the first refusal, before the list is fetched") {
  MemoryMetadata store;
  CHECK_FALSE(
      walk_reference(store, {3, made_id(1)}, [](const Id&, std::uint8_t) { return false; }));
  CHECK(store.gets == 0);
}

TEST_CASE("lists that name one id thousands of times are walked once") {
  MemoryMetadata store;
  Id id = made_id(9);
  for (int level = 0; level < 3; ++level) id = put_list(store, std::vector<Id>(kMaxListIds, id));
  CHECK(visits_of(store, {3, id}).size() == 4);
  std::size_t parts = 0;
  store.chunks[made_id(9)] = Bytes{1};
  for_each_part(store, {3, id}, [&](const Id&, ByteView) { ++parts; });
  CHECK(parts == 1);
}

TEST_CASE("the cursor gives every part in order, also those named twice") {
  MemoryMetadata store;
  const Id a = store.put(Bytes{1});
  const Id b = store.put(Bytes{2});
  PartCursor cursor(store, {2, put_list(store, {put_list(store, {a, b}), put_list(store, {a})})});
  std::vector<Id> ids;
  while (const auto part = cursor.next()) ids.push_back(part->id);
  CHECK(ids == std::vector<Id>{a, b, a});
  CHECK_FALSE(cursor.next());
}

TEST_CASE("broken references are damaged") {
  MemoryMetadata store;
  const auto stream = [&](const Reference& reference) {
    return kind_of_error([&] {
      PartCursor cursor(store, reference);
      while (cursor.next()) {
      }
    });
  };
  const Id large = made_id(1);
  store.chunks[large] = Bytes(kMaxMetadataChunkBytes + 1);
  CHECK(stream({0, large}) == ErrorKind::damaged);
  CHECK(stream({4, large}) == ErrorKind::damaged);
  CHECK(stream({0, made_id(2)}) == ErrorKind::damaged);
  CHECK(stream({1, store.put(bytes_of_hex("01 00"))}) == ErrorKind::damaged);
  CHECK(stream({2, put_list(store, {put_list(store, {made_id(2)})})}) == ErrorKind::damaged);
  CHECK(kind_of_error([&] {
          walk_reference(store, {4, large}, [](const Id&, std::uint8_t) { return true; });
        }) == ErrorKind::damaged);
}

}  // namespace
}  // namespace coppice::test
