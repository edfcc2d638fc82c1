#include "snapshot/tree_reader.h"

#include <doctest/doctest.h>

#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

Id put_part(MemoryMetadata& store, const std::vector<std::string>& names) {
  std::vector<Node> nodes;
  nodes.reserve(names.size());
  for (const std::string& name : names) nodes.push_back(made_file(name));
  return store.put(encode_tree_part(nodes));
}

Reference put_tree(MemoryMetadata& store, const std::vector<Id>& parts) {
  return {1, store.put(encode_list(parts))};
}

ErrorKind tree_error(MemoryMetadata& store, const Reference& tree) {
  return kind_of_error([&] { names_of(store, tree); });
}

TEST_CASE("nodes come in order across parts, and may be moved out") {
  MemoryMetadata store;
  const Reference tree = put_tree(
      store, {put_part(store, {"a", "b"}), put_part(store, {"c"}), put_part(store, {"d"})});
  CHECK(names_of(store, tree) == std::vector<std::string>{"a", "b", "c", "d"});
  TreeCursor cursor(store, tree);
  std::vector<Node> moved;
  while (Node* node = cursor.next()) moved.push_back(std::move(*node));
  CHECK(moved.size() == 4);
  CHECK(cursor.next() == nullptr);
}

TEST_CASE("parts that do not ascend, repeat or are empty are damaged") {
  MemoryMetadata store;
  const Id ab = put_part(store, {"a", "b"});
  const Id empty = put_part(store, {});
  CHECK(tree_error(store, put_tree(store, {ab, ab})) == ErrorKind::damaged);
  CHECK(tree_error(store, put_tree(store, {ab, put_part(store, {"b", "c"})})) ==
        ErrorKind::damaged);
  CHECK(tree_error(store, put_tree(store, {put_part(store, {"c"}), ab})) == ErrorKind::damaged);
  CHECK(tree_error(store, put_tree(store, {ab, empty})) == ErrorKind::damaged);
  CHECK(tree_error(store, put_tree(store, {empty})) == ErrorKind::damaged);
  CHECK(names_of(store, {0, empty}).empty());
  CHECK(tree_error(store, {4, ab}) == ErrorKind::damaged);
  CHECK(tree_error(store, {0, made_id(1)}) == ErrorKind::damaged);
}

TEST_CASE("a broken part is named in the message") {
  MemoryMetadata store;
  const Id id = store.put(bytes_of_hex("01 00 01"));
  try {
    names_of(store, {0, id});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(id.short_hex()) != std::string::npos);
  }
}

TEST_CASE("content that is shorter or longer than the size is damaged") {
  MemoryMetadata store;
  const std::vector<ContentExtent> extents = {{made_id(7), 10, false}, {Id{}, 5, true}};
  Node node = made_file("f");
  node.content.reference = Reference{0, store.put(encode_content_part(extents))};
  const auto count = [&](std::uint64_t size) {
    node.meta.size = size;
    ContentCursor cursor(store, node);
    std::size_t extents_seen = 0;
    while (cursor.next() != nullptr) ++extents_seen;
    return extents_seen;
  };
  CHECK(count(15) == 2);
  CHECK(kind_of_error([&] { count(16); }) == ErrorKind::damaged);
  CHECK(kind_of_error([&] { count(14); }) == ErrorKind::damaged);
  CHECK(kind_of_error([&] { count(5); }) == ErrorKind::damaged);

  const std::vector<ContentExtent> hole = {{Id{}, 5, true}};
  node.content.reference = put_tree(
      store, {store.put(encode_content_part(extents)), store.put(encode_content_part(hole))});
  CHECK(kind_of_error([&] { count(20); }) == ErrorKind::damaged);
}

TEST_CASE("inline content streams as it stands") {
  MemoryMetadata store;
  const Node node = made_file("f", {{made_id(7), 10, false}, {Id{}, 5, true}});
  ContentCursor cursor(store, node);
  CHECK(*cursor.next() == node.content.extents[0]);
  CHECK(*cursor.next() == node.content.extents[1]);
  CHECK(cursor.next() == nullptr);
  CHECK(cursor.next() == nullptr);
  CHECK(store.gets == 0);
}

TEST_CASE("a child is found in the part that holds it, whatever the levels") {
  MemoryMetadata store;
  const std::vector<std::string> all = {"b", "d", "f", "h", "j", "l", "n"};
  std::vector<Id> parts;
  parts.reserve(all.size());
  for (const std::string& name : all) parts.push_back(put_part(store, {name, name + "x"}));
  const Reference low1 = put_tree(store, {parts[0], parts[1], parts[2]});
  const Reference low2 = put_tree(store, {parts[3], parts[4]});
  const Reference low3 = put_tree(store, {parts[5], parts[6]});
  Reference tree = put_tree(store, {low1.id, low2.id, low3.id});
  tree.levels = 2;
  for (const std::string& name : all) {
    CHECK(find_child(store, tree, name)->name == name);
    CHECK(find_child(store, tree, name + "x")->name == name + "x");
    CHECK_FALSE(find_child(store, tree, name + "a"));
    CHECK_FALSE(find_child(store, tree, name + "y"));
  }
  CHECK_FALSE(find_child(store, tree, "a"));
}

TEST_CASE("paths are found component by component") {
  MemoryMetadata store;
  const Reference inner = stored_tree(store, {made_file("fstab"), made_file("hosts")});
  Node unreadable = made_node("root", FileType::directory);
  unreadable.incomplete = true;
  const Reference root = stored_tree(store, {made_directory("etc", inner), unreadable});
  CHECK(find_path(store, made_root(root), "/etc/hosts")->name == "hosts");
  CHECK(find_path(store, made_root(root), "//etc///hosts/")->name == "hosts");
  CHECK(find_path(store, made_root(root), "/etc")->subtree == inner);
  CHECK(find_path(store, made_root(root), "/")->subtree == root);
  CHECK(find_path(store, made_root(root), "/")->meta.type == FileType::directory);
  CHECK_FALSE(find_path(store, made_root(root), "/etc/fstab/x"));
  CHECK_FALSE(find_path(store, made_root(root), "/etc/passwd"));
  CHECK_FALSE(find_path(store, made_root(root), "/usr"));
  CHECK_FALSE(find_path(store, made_root(root), "/etc/../etc"));
  CHECK_FALSE(find_path(store, made_root(root), "/root/x"));
  CHECK(find_path(store, made_root(root), "/root"));
}

}  // namespace
}  // namespace coppice::test
