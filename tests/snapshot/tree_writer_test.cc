#include "snapshot/tree_writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "snapshot/memory_metadata.h"
#include "snapshot/tree_reader.h"

namespace coppice::test {
namespace {

/// About 90 bytes encoded, as an ordinary small file is.
Node ordinary_file(std::uint64_t number) {
  Node node = made_file(numbered_name(number),
                        {{made_id(1, static_cast<std::uint32_t>(number)), 5000, false}});
  node.user = node.group = "root";
  node.meta.mtime = node.meta.ctime = {1'700'000'000, 123'456'789};
  node.meta.inode = 1'000'000 + number;
  return node;
}

std::vector<Node> ordinary_files(std::uint64_t count) {
  std::vector<Node> nodes;
  for (std::uint64_t i = 0; i < count; ++i) nodes.push_back(ordinary_file(2 * i));
  return nodes;
}

std::set<Id> parts_of(MemoryMetadata& store, const Reference& tree) {
  std::set<Id> parts;
  for_each_part(store, tree, [&](const Id& id, ByteView) { parts.insert(id); });
  return parts;
}

TEST_CASE("an empty directory is one part without nodes") {
  MemoryMetadata store;
  TreeWriter writer(store);
  const Reference tree = writer.finish();
  CHECK(tree == Reference{0, blake3(encode_tree_part({}))});
  CHECK(names_of(store, tree).empty());
}

TEST_CASE("a small directory is one part, and the writer is then as new") {
  MemoryMetadata store;
  TreeWriter writer(store);
  const std::vector<Node> nodes = {made_file("b"), made_file("c")};
  for (int round = 0; round < 2; ++round) {
    for (const Node& node : nodes) writer.add(node);
    CHECK(writer.finish() == Reference{0, blake3(encode_tree_part(nodes))});
  }
  CHECK(store.chunks.size() == 1);
}

TEST_CASE("a directory of 500,000 entries is written and read in bounded parts") {
  constexpr std::uint64_t kEntries = 500'000;
  MemoryMetadata store;
  TreeWriter writer(store);
  for (std::uint64_t i = 0; i < kEntries; ++i) writer.add(ordinary_file(i));
  const Reference tree = writer.finish();
  CHECK(tree.levels == 1);
  CHECK(store.chunks.size() > 100);
  CHECK(store.largest_put < kMaxTreePartBytes + kKiB);

  TreeCursor cursor(store, tree);
  std::uint64_t count = 0;
  bool in_order = true;
  while (const Node* node = cursor.next()) in_order &= node->name == numbered_name(count++);
  CHECK(in_order);
  CHECK(count == kEntries);

  store.gets = 0;
  CHECK(find_child(store, tree, numbered_name(123'456))->meta.inode == 1'123'456);
  CHECK(store.gets <= 10);
  CHECK(find_child(store, tree, numbered_name(0)));
  CHECK(find_child(store, tree, numbered_name(kEntries - 1)));
  CHECK_FALSE(find_child(store, tree, numbered_name(kEntries)));
  CHECK_FALSE(find_child(store, tree, "a"));
}

TEST_CASE("an entry that comes or goes leaves all but about two parts as they were") {
  const std::vector<Node> nodes = ordinary_files(60'000);
  MemoryMetadata store;
  const std::set<Id> before = parts_of(store, stored_tree(store, nodes));
  REQUIRE(before.size() > 12);
  for (const std::size_t place : {std::size_t{0}, std::size_t{30'000}, std::size_t{59'999}}) {
    std::vector<Node> inserted = nodes;
    inserted.insert(inserted.begin() + static_cast<std::ptrdiff_t>(place) + 1,
                    ordinary_file(2 * place + 1));
    std::vector<Node> removed = nodes;
    removed.erase(removed.begin() + static_cast<std::ptrdiff_t>(place));
    for (const std::vector<Node>& changed : {inserted, removed}) {
      const std::set<Id> after = parts_of(store, stored_tree(store, changed));
      std::vector<Id> fresh;
      std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                          std::back_inserter(fresh));
      CHECK(!fresh.empty());
      CHECK(fresh.size() <= 3);
    }
  }
}

TEST_CASE("parts are cut where the page says") {
  const std::vector<Node> nodes = ordinary_files(20'000);
  MemoryMetadata store;
  const Reference tree = stored_tree(store, nodes);
  PartCursor parts(store, tree);
  bool is_first = true;
  std::size_t count = 0;
  while (const auto part = parts.next()) {
    const std::vector<Node> held = decode_tree_part(part->bytes).nodes;
    if (!is_first) CHECK(blake3(as_bytes(held.front().name)).bytes[0] < 4);
    // Within a part no node could have begun a new one.
    TreePartEncoder encoder;
    for (const Node& node : held) {
      CHECK_FALSE((encoder.size() >= 256 * kKiB && blake3(as_bytes(node.name)).bytes[0] < 4));
      encoder.add(node);
    }
    count += held.size();
    is_first = false;
  }
  CHECK(count == nodes.size());
  CHECK_FALSE(is_first);
}

TEST_CASE("large nodes and tiny ones stay within the bounds of a part") {
  MemoryMetadata store;
  TreeWriter large(store);
  Node node = made_file("x");
  node.meta.xattrs = {{"user.a", Bytes(kMiB)}, {"user.b", Bytes(kMiB - 8 * kKiB)}};
  for (std::uint64_t i = 0; i < 5; ++i) {
    node.name = numbered_name(i);
    large.add(node);
  }
  CHECK(names_of(store, large.finish()).size() == 5);
  CHECK(store.largest_put <= 3 * kMiB);

  TreeWriter tiny(store);
  std::string name(2, '\0');
  std::size_t count = 0;
  for (int a = 1; a < 256; ++a) {
    for (int b = 1; b < 256; ++b) {
      for (int c = 1; c <= 2; ++c) {
        name = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        if (name.find('/') != std::string::npos) continue;
        tiny.add(made_node(name, FileType::fifo));
        ++count;
      }
    }
  }
  CHECK(count > kMaxPartNodes);
  CHECK(names_of(store, tiny.finish()).size() == count);
}

TEST_CASE("a refused node leaves no trace") {
  const std::vector<Node> nodes = ordinary_files(8'000);
  MemoryMetadata store;
  TreeWriter writer(store);
  for (const Node& node : nodes) {
    writer.add(node);
    Node bad = made_file(node.name + "0");
    bad.meta.mode = 010000;
    REQUIRE(kind_of_error([&] { writer.add(bad); }) == ErrorKind::failed);
  }
  CHECK(writer.finish() == stored_tree(store, nodes));
}

TEST_CASE("names out of order are refused across parts too") {
  MemoryMetadata store;
  TreeWriter writer(store);
  for (const Node& node : ordinary_files(20'000)) writer.add(node);
  CHECK(kind_of_error([&] { writer.add(ordinary_file(1)); }) == ErrorKind::failed);
  CHECK(kind_of_error([&] { writer.add(ordinary_file(39'998)); }) == ErrorKind::failed);
  writer.add(ordinary_file(39'999));
}

}  // namespace
}  // namespace coppice::test
