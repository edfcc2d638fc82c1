#include <doctest/doctest.h>

#include "snapshot/memory_metadata.h"
#include "snapshot/tree_reader.h"
#include "snapshot/tree_writer.h"

namespace coppice::test {
namespace {

/// An id like those of chunks: evenly distributed.
Id chunk_id(std::uint64_t number) { return blake3(as_bytes(numbered_name(number))); }

Node file_of(const Content& content, std::uint64_t size) {
  Node node = made_file("f");
  node.meta.size = size;
  node.content = content;
  return node;
}

std::vector<ContentExtent> extents_of(MemoryMetadata& store, const Node& node) {
  std::vector<ContentExtent> extents;
  ContentCursor cursor(store, node);
  while (const ContentExtent* extent = cursor.next()) extents.push_back(*extent);
  return extents;
}

TEST_CASE("an empty file has no extents") {
  MemoryMetadata store;
  ContentWriter writer(store);
  CHECK(writer.finish() == Content{});
  CHECK(store.chunks.empty());
}

TEST_CASE("holes that touch become one") {
  MemoryMetadata store;
  ContentWriter writer(store);
  writer.add_hole(5);
  writer.add_hole(0);
  writer.add_hole(7);
  writer.add_chunk(chunk_id(1), 3);
  writer.add_hole(1);
  CHECK(writer.size() == 16);
  const Content content = writer.finish();
  CHECK(content.extents ==
        std::vector<ContentExtent>{{Id{}, 12, true}, {chunk_id(1), 3, false}, {Id{}, 1, true}});
  CHECK_FALSE(content.reference);
}

TEST_CASE("1024 extents are inline, one more goes by reference") {
  MemoryMetadata store;
  ContentWriter writer(store);
  for (std::uint64_t i = 0; i < 1024; ++i) writer.add_chunk(made_id(1), 10);
  CHECK(writer.finish().extents.size() == 1024);
  CHECK(store.chunks.empty());

  for (std::uint64_t i = 0; i < 1025; ++i) writer.add_chunk(made_id(9), 10);
  CHECK(writer.size() == 10'250);
  const Content content = writer.finish();
  REQUIRE(content.reference);
  CHECK(content.extents.empty());
  CHECK(content.reference->levels == 0);
  CHECK(extents_of(store, file_of(content, 10'250)).size() == 1025);
}

TEST_CASE("content parts are cut after an id with a first byte below 4, or at 8192 extents") {
  MemoryMetadata store;
  ContentWriter writer(store);
  std::vector<std::size_t> sizes;
  const auto part_sizes = [&](const Content& content) {
    sizes.clear();
    PartCursor parts(store, *content.reference);
    while (const auto part = parts.next()) sizes.push_back(decode_content_part(part->bytes).size());
    return sizes;
  };
  for (std::uint32_t i = 0; i < 20'000; ++i) writer.add_chunk(made_id(4, i), 1);
  CHECK(part_sizes(writer.finish()) == std::vector<std::size_t>{8192, 8192, 3616});
  for (std::uint32_t i = 1; i <= 4'000; ++i) writer.add_chunk(made_id(i == 1500 ? 3 : 4, i), 1);
  CHECK(part_sizes(writer.finish()) == std::vector<std::size_t>{1500, 2500});
  // The last extent of a part that is full may be a hole that still grows.
  for (std::uint32_t i = 1; i < 8192; ++i) writer.add_chunk(made_id(4, i), 1);
  writer.add_hole(1);
  writer.add_hole(1);
  writer.add_chunk(made_id(4), 1);
  CHECK(part_sizes(writer.finish()) == std::vector<std::size_t>{8192, 1});
  // Just full: no empty part follows.
  for (std::uint32_t i = 1; i <= 8192; ++i) writer.add_chunk(made_id(4, i), 1);
  CHECK(part_sizes(writer.finish()) == std::vector<std::size_t>{8192});
}

TEST_CASE("a file of two million extents takes lists of lists and comes back") {
  constexpr std::uint64_t kExtents = 2'000'000;
  MemoryMetadata store;
  ContentWriter writer(store);
  for (std::uint64_t i = 0; i < kExtents; ++i) writer.add_chunk(chunk_id(i), 131'072);
  const std::uint64_t size = writer.size();
  CHECK(size == kExtents * 131'072);
  const Content content = writer.finish();
  REQUIRE(content.reference);
  CHECK(content.reference->levels == 2);
  CHECK(store.largest_put <= kMaxCutItems * 40);

  ContentCursor cursor(store, file_of(content, size));
  std::uint64_t count = 0;
  bool is_same = true;
  while (const ContentExtent* extent = cursor.next()) is_same &= extent->id == chunk_id(count++);
  CHECK(is_same);
  CHECK(count == kExtents);
}

TEST_CASE("a chunk put into a long file leaves nearly all parts and lists as they were") {
  MemoryMetadata store;
  ContentWriter writer(store);
  for (std::uint64_t i = 0; i < 100'000; ++i) writer.add_chunk(chunk_id(i), 10);
  writer.finish();
  const std::size_t before = store.chunks.size();
  CHECK(before > 80);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    if (i == 50'000) writer.add_chunk(chunk_id(200'000), 10);
    writer.add_chunk(chunk_id(i), 10);
  }
  writer.finish();
  CHECK(store.chunks.size() > before);
  CHECK(store.chunks.size() <= before + 4);
}

TEST_CASE("impossible lengths are refused") {
  MemoryMetadata store;
  ContentWriter writer(store);
  CHECK(kind_of_error([&] { writer.add_chunk(chunk_id(1), 0); }) == ErrorKind::failed);
  CHECK(kind_of_error([&] { writer.add_chunk(chunk_id(1), kMaxDataChunkBytes + 1); }) ==
        ErrorKind::failed);
  writer.add_hole(~std::uint64_t{0} >> 1);
  CHECK(kind_of_error([&] { writer.add_hole(1); }) == ErrorKind::failed);
  CHECK(kind_of_error([&] { writer.add_chunk(chunk_id(1), 1); }) == ErrorKind::failed);
  const Content content = writer.finish();
  CHECK(extents_of(store, file_of(content, ~std::uint64_t{0} >> 1)).size() == 1);
}

}  // namespace
}  // namespace coppice::test
