#include "snapshot/node.h"

#include <doctest/doctest.h>

#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

const ContentExtent kChunk{made_id(7), 10, false};
const ContentExtent kHole{Id{}, 20, true};

TEST_CASE("ordinary nodes of every type have no problem") {
  CHECK(node_problem(made_file("f")).empty());
  CHECK(node_problem(made_file("f", {kChunk, kHole, kChunk})).empty());
  CHECK(node_problem(made_directory("d", {3, made_id(1)})).empty());
  for (const FileType type :
       {FileType::fifo, FileType::socket, FileType::char_device, FileType::block_device}) {
    CHECK(node_problem(made_node("x", type)).empty());
  }
  Node link = made_node("l", FileType::symlink);
  link.meta.symlink_target = "..";
  CHECK(node_problem(link).empty());
  Node unreadable = made_node("d", FileType::directory);
  unreadable.incomplete = true;
  CHECK(node_problem(unreadable).empty());
}

TEST_CASE("names that a path cannot hold are refused") {
  using namespace std::string_literals;
  for (const std::string& name : {""s, "."s, ".."s, "a/b"s, "/"s, "a\0b"s, std::string(256, 'x')}) {
    CHECK_FALSE(node_problem(made_file(name)).empty());
  }
  for (const std::string& name : {"..."s, "\xff\xfe"s, "a\nb"s, std::string(255, 'x')}) {
    CHECK(node_problem(made_file(name)).empty());
  }
}

TEST_CASE("content must add up to the size, and holes must be merged") {
  Node node = made_file("f", {kChunk, kHole});
  node.meta.size += 1;
  CHECK_FALSE(node_problem(node).empty());
  node.meta.size -= 2;
  CHECK_FALSE(node_problem(node).empty());
  CHECK_FALSE(node_problem(made_file("f", {kHole, kHole})).empty());
  CHECK_FALSE(node_problem(made_file("f", {{made_id(1), 0, false}})).empty());
  CHECK_FALSE(node_problem(made_file("f", {{made_id(1), kMaxDataChunkBytes + 1, false}})).empty());
  CHECK(node_problem(made_file("f", {{Id{}, ~std::uint64_t{0} >> 1, true}})).empty());
  CHECK(node_problem(made_file("f", std::vector<ContentExtent>(1024, kChunk))).empty());
  CHECK_FALSE(node_problem(made_file("f", std::vector<ContentExtent>(1025, kChunk))).empty());
}

TEST_CASE("extents whose lengths overflow do not add up") {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;
  Node node = made_file("f", {{Id{}, kHuge, true}, kChunk, {Id{}, kHuge, true}});
  node.meta.size = kChunk.length;
  CHECK_FALSE(node_problem(node).empty());
}

TEST_CASE("what belongs to another type is refused") {
  Node node = made_directory("d", {0, made_id(1)});
  node.content.extents = {kChunk};
  CHECK_FALSE(node_problem(node).empty());
  node = made_file("f");
  node.subtree = Reference{};
  CHECK_FALSE(node_problem(node).empty());
  node = made_file("f");
  node.meta.symlink_target = "target";
  CHECK_FALSE(node_problem(node).empty());
  CHECK_FALSE(node_problem(made_node("l", FileType::symlink)).empty());
  CHECK_FALSE(node_problem(made_node("d", FileType::directory)).empty());
  node = made_file("f", {kChunk});
  node.content.reference = Reference{};
  CHECK_FALSE(node_problem(node).empty());
  node = made_file("f");
  node.content.reference = Reference{};
  CHECK_FALSE(node_problem(node).empty());
  CHECK_FALSE(node_problem(made_directory("d", {4, made_id(1)})).empty());
}

TEST_CASE("xattrs ascend by name and are bounded") {
  Node node = made_file("f");
  node.meta.xattrs = {{"user.a", {}}, {"user.b", {1}}};
  CHECK(node_problem(node).empty());
  node.meta.xattrs = {{"user.b", {}}, {"user.a", {}}};
  CHECK_FALSE(node_problem(node).empty());
  node.meta.xattrs = {{"user.a", {}}, {"user.a", {}}};
  CHECK_FALSE(node_problem(node).empty());
  node.meta.xattrs = {{"", {}}};
  CHECK_FALSE(node_problem(node).empty());
  node.meta.xattrs = {{"user.a", Bytes(kMiB + 1)}};
  CHECK_FALSE(node_problem(node).empty());
}

TEST_CASE("modes and times out of range are refused") {
  Node node = made_file("f");
  node.meta.mode = 010000;
  CHECK_FALSE(node_problem(node).empty());
  node = made_file("f");
  node.meta.mtime.nanoseconds = 1'000'000'000;
  CHECK_FALSE(node_problem(node).empty());
  node = made_file("f");
  node.meta.birth_time = Timestamp{0, 1'000'000'000};
  CHECK_FALSE(node_problem(node).empty());
}

}  // namespace
}  // namespace coppice::test
