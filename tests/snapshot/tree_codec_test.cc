#include "snapshot/tree_codec.h"

#include <doctest/doctest.h>

#include <limits>

#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

/// Every optional field that a file can have.
Node full_file() {
  Node node = made_file("full", {{made_id(7), 100, false}, {Id{}, 50, true}});
  node.meta.mode = 04755;
  node.meta.uid = 1000;
  node.meta.gid = 0xFFFF'FFFF;
  node.user = "ann";
  node.group = "";
  node.meta.inode = 300;
  node.meta.device = 0x0000'0008'0000'0001;
  node.meta.links = 3;
  node.meta.mtime = {1, 5};
  node.meta.ctime = {-1, 0};
  node.meta.atime = {2, 999'999'999};
  node.meta.birth_time = Timestamp{-2, 1};
  node.meta.flags = 0x10;
  node.meta.project_id = 0;
  node.meta.xattrs = {{"user.a", {}}, {"user.b", {0x00, 0xFF}}};
  node.has_atime = true;
  node.unsettled = true;
  node.incomplete = true;
  return node;
}

std::vector<Node> one_of_each() {
  Node link = made_node("l", FileType::symlink);
  link.meta.symlink_target = "../target";
  Node device = made_node("m", FileType::block_device);
  device.meta.rdev = 0x0000'0008'0000'0011;
  Node by_reference = made_file("r");
  by_reference.meta.size = 1ULL << 44;
  by_reference.content.reference = Reference{2, made_id(9)};
  Node unreadable = made_node("u", FileType::directory);
  unreadable.incomplete = true;
  Node partial = made_directory("v", {0, made_id(3)});
  partial.incomplete = true;
  return {made_directory("d", {1, made_id(8)}),
          made_file("empty"),
          full_file(),
          link,
          device,
          made_node("p", FileType::fifo),
          by_reference,
          made_node("s", FileType::socket),
          made_node("t", FileType::char_device),
          unreadable,
          partial};
}

ErrorKind decode_error(const std::string& hex) {
  const Bytes bytes = bytes_of_hex(hex);
  return kind_of_error([&] { decode_tree_part(bytes); });
}

TEST_CASE("an empty part is version and two zero counts") {
  CHECK(encode_tree_part({}) == bytes_of_hex("01 00 00"));
  CHECK(decode_tree_part(encode_tree_part({})).nodes.empty());
}

TEST_CASE("a plain node has the bytes that the page says") {
  Node node = made_node("a", FileType::fifo);
  node.user = node.group = "root";
  node.meta.mtime = {1, 5};
  node.meta.ctime = {-1, 0};
  node.meta.inode = 300;
  const std::vector<Node> nodes = {node};
  CHECK(encode_tree_part(nodes) == bytes_of_hex("01"
                                                "01 00 00 04726f6f74 04726f6f74"
                                                "01 0161 04 00 a403 00"
                                                "02 0a 01 00 d804"));
}

TEST_CASE("times and inodes stand in columns as differences to the node before") {
  Node first = made_node("a", FileType::fifo);
  first.meta.mtime = {1000, 5};
  first.meta.ctime = {-3, 0};
  first.meta.inode = 300;
  Node second = made_node("b", FileType::fifo);
  second.meta.mtime = {1001, 5};
  second.meta.ctime = {-3, 7};
  second.meta.inode = 298;
  second.meta.birth_time = Timestamp{-2, 1};
  Node third = made_node("c", FileType::fifo);
  third.has_atime = true;
  third.meta.atime = {4, 2};
  third.meta.birth_time = Timestamp{-4, 6};
  const std::vector<Node> nodes = {first, second, third};
  CHECK(encode_tree_part(nodes) ==
        bytes_of_hex("01 01 00 00 00 00 03"
                     "0161 04 00 a403 00  0162 04 04 a403 00  0163 04 06 a403 00"
                     "d00f 02 d10f  0a 00 09"  // modified 1000 1001 0, 5 5 0
                     "05 00 06  00 0e 0d"      // changed -3 -3 0, 0 7 0
                     "d804 03 d304"            // inodes 300 298 0
                     "08 04"                   // access 4, 2
                     "02 01  02 01"));         // birth -2 -4 after changes at -3 -3, 1 6 after 0 7
}

TEST_CASE("times and inodes come back, whatever they are") {
  Node first = made_node("a", FileType::fifo);
  first.meta.ctime = {-3, 999'999'999};
  Node second = made_node("b", FileType::fifo);
  second.meta.ctime = {-3, 7};
  second.meta.birth_time = Timestamp{std::numeric_limits<std::int64_t>::max(), 999'999'999};
  first.meta.mtime.seconds = std::numeric_limits<std::int64_t>::min();
  first.meta.inode = std::numeric_limits<std::uint64_t>::max();
  second.meta.mtime.seconds = std::numeric_limits<std::int64_t>::max();
  second.meta.inode = 0;
  const std::vector<Node> far = {first, second, made_node("c", FileType::fifo)};
  const TreePart back = decode_tree_part(encode_tree_part(far));
  for (std::size_t i = 0; i < far.size(); ++i) {
    CHECK(back.nodes[i].meta.mtime == far[i].meta.mtime);
    CHECK(back.nodes[i].meta.ctime == far[i].meta.ctime);
    CHECK(back.nodes[i].meta.inode == far[i].meta.inode);
    CHECK(back.nodes[i].meta.birth_time == far[i].meta.birth_time);
  }
}

TEST_CASE("a file with every field has the bytes that the page says") {
  const std::vector<Node> nodes = {full_file()};
  const Bytes expected = bytes_of_hex(
      "01 01 e807 ffffffff0f 03616e6e 00"
      "01 0466756c6c 01"
      "cf27"             // bits 0 1 2 3 6 7 8 9 12
      "ed13 00"          // mode, owner
      "818080808001 03"  // device 8:1, links
      "10 00"            // flags, project
      "02 06757365722e61 00 06757365722e62 02 00ff"
      "9601 02 c801" +
      made_id(7).hex() +
      "65"
      "02 0a 01 00"    // modified, changed
      "d804"           // inode
      "04 fea7d6b907"  // access
      "03 02");        // birth
  CHECK(encode_tree_part(nodes) == expected);
}

TEST_CASE("the other types have the bytes that the page says") {
  const std::string id8 = made_id(8).hex();
  const auto node_bytes = [](const Node& node) {
    const std::vector<Node> nodes = {node};
    const Bytes part = encode_tree_part(nodes);
    // Without version, the one owner (0 0 "" ""), the count, and what all nodes have.
    return to_hex(ByteView(part).subspan(7));
  };
  const std::string common = "a40300";       // mode, owner
  const std::string columns = "0000000000";  // times, inode
  CHECK(node_bytes(made_directory("d", {1, made_id(8)})) ==
        "01640280"
        "10" +
            common + "01" + id8 + columns);
  CHECK(node_bytes(made_file("e")) ==
        "01650180"
        "40" +
            common + columns);
  const std::vector<Node> all = one_of_each();
  CHECK(node_bytes(all[3]) == "016c0320" + common + "092e2e2f746172676574" + columns);
  CHECK(node_bytes(all[4]) == "016d0710" + common + "0811" + columns);
  CHECK(node_bytes(all[6]) ==
        "01720180"
        "08" +
            common +
            "808080808080"
            "04"
            "02" +
            made_id(9).hex() + columns);
  CHECK(node_bytes(all[9]) ==
        "01750280"
        "20" +
            common + columns);
}

TEST_CASE("owners stand once each in order of first appearance") {
  std::vector<Node> nodes = {made_file("a"), made_file("b"), made_file("c"), made_file("d")};
  nodes[0].meta.uid = nodes[2].meta.uid = 5;
  nodes[1].meta.uid = nodes[3].meta.uid = 3;
  nodes[3].user = "x";
  const Bytes part = encode_tree_part(nodes);
  CHECK(to_hex(ByteView(part).first(15)) ==
        "01"
        "03"
        "05000000"
        "03000000"
        "0300017800");
  const TreePart decoded = decode_tree_part(part);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    CHECK(decoded.nodes[i].meta.uid == nodes[i].meta.uid);
    CHECK(decoded.nodes[i].user == nodes[i].user);
  }
}

TEST_CASE("every field comes back") {
  const std::vector<Node> nodes = {full_file()};
  const Node back = decode_tree_part(encode_tree_part(nodes)).nodes.at(0);
  const Node& node = nodes[0];
  CHECK(back.name == node.name);
  CHECK(back.meta.type == node.meta.type);
  CHECK(back.meta.mode == node.meta.mode);
  CHECK(back.meta.uid == node.meta.uid);
  CHECK(back.meta.gid == node.meta.gid);
  CHECK(back.user == node.user);
  CHECK(back.group == node.group);
  CHECK(back.meta.size == 150);
  CHECK(back.meta.inode == node.meta.inode);
  CHECK(back.meta.device == node.meta.device);
  CHECK(back.meta.links == node.meta.links);
  CHECK(back.meta.mtime == node.meta.mtime);
  CHECK(back.meta.ctime == node.meta.ctime);
  CHECK(back.meta.atime == node.meta.atime);
  CHECK(back.meta.birth_time == node.meta.birth_time);
  CHECK(back.meta.flags == node.meta.flags);
  CHECK(back.meta.project_id == node.meta.project_id);
  CHECK(back.meta.xattrs == node.meta.xattrs);
  CHECK(back.content == node.content);
  CHECK(back.has_atime);
  CHECK(back.unsettled);
  CHECK(back.incomplete);
}

TEST_CASE("nodes of every type come back, and encode to the same bytes again") {
  const std::vector<Node> nodes = one_of_each();
  const Bytes part = encode_tree_part(nodes);
  const TreePart decoded = decode_tree_part(part);
  REQUIRE(decoded.nodes.size() == nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    CHECK(decoded.nodes[i].name == nodes[i].name);
    CHECK(decoded.nodes[i].meta.type == nodes[i].meta.type);
    CHECK(decoded.nodes[i].meta.rdev == nodes[i].meta.rdev);
    CHECK(decoded.nodes[i].meta.symlink_target == nodes[i].meta.symlink_target);
    CHECK(decoded.nodes[i].content == nodes[i].content);
    CHECK(decoded.nodes[i].subtree == nodes[i].subtree);
    CHECK(decoded.nodes[i].incomplete == nodes[i].incomplete);
  }
  CHECK(encode_tree_part(decoded.nodes) == part);
}

TEST_CASE("what the format does not record comes back as zero") {
  Node node = made_directory("d", {0, made_id(1)});
  node.meta.size = 4096;
  node.meta.device = 77;
  node.meta.links = 9;
  node.meta.allocated = 8192;
  node.meta.atime = {9, 9};
  const std::vector<Node> nodes = {node};
  const Metadata meta = decode_tree_part(encode_tree_part(nodes)).nodes.at(0).meta;
  CHECK(meta.size == 0);
  CHECK(meta.device == 0);
  CHECK(meta.links == 1);
  CHECK(meta.allocated == 0);
  CHECK(meta.atime == Timestamp{});
}

TEST_CASE("names that are not UTF-8 come back as they were") {
  const std::vector<Node> nodes = {made_file("\x01\n"), made_file("z"), made_file("\xff\xfe")};
  const TreePart decoded = decode_tree_part(encode_tree_part(nodes));
  CHECK(decoded.nodes[0].name == "\x01\n");
  CHECK(decoded.nodes[2].name == "\xff\xfe");
}

TEST_CASE("an owner's name too long to record becomes unknown") {
  std::vector<Node> nodes = {made_file("a"), made_file("b")};
  nodes[0].user = std::string(256, 'u');
  nodes[1].user = std::string(257, 'u');
  const TreePart decoded = decode_tree_part(encode_tree_part(nodes));
  CHECK(decoded.nodes[0].user == nodes[0].user);
  CHECK(decoded.nodes[1].user.empty());
}

TEST_CASE("the encoder refuses what is out of order, broken or too large, and goes on") {
  TreePartEncoder encoder;
  encoder.add(made_file("b"));
  CHECK(kind_of_error([&] { encoder.add(made_file("b")); }) == ErrorKind::failed);
  CHECK(kind_of_error([&] { encoder.add(made_file("a")); }) == ErrorKind::failed);
  CHECK(kind_of_error([&] { encoder.add(made_file("c/d")); }) == ErrorKind::failed);
  Node large = made_file("d");
  large.meta.xattrs = {{"user.a", Bytes(kMiB)}, {"user.b", Bytes(kMiB)}};
  CHECK(kind_of_error([&] { encoder.add(large); }) == ErrorKind::failed);
  encoder.add(made_file("e"));
  CHECK(encoder.node_count() == 2);
  const std::vector<Node> expected = {made_file("b"), made_file("e")};
  CHECK(encoder.take() == encode_tree_part(expected));
  CHECK(encoder.take() == encode_tree_part({}));
}

TEST_CASE("the encoder never makes a part that no reader takes") {
  TreePartEncoder encoder;
  Node node = made_file("x");
  node.meta.xattrs = {{"user.a", Bytes(kMiB)}};
  std::size_t count = 0;
  CHECK(kind_of_error([&] {
          for (;; ++count) {
            node.name = numbered_name(count);
            encoder.add(node);
          }
        }) == ErrorKind::failed);
  CHECK(count == 3);
  const Bytes part = encoder.take();
  CHECK(part.size() <= kMaxMetadataChunkBytes);
  CHECK(decode_tree_part(part).nodes.size() == 3);
}

TEST_CASE("a damaged part is refused or harmless") {
  const std::vector<Node> nodes = one_of_each();
  CHECK(survives_damage(encode_tree_part(nodes), [](ByteView bytes) { decode_tree_part(bytes); }));
}

TEST_CASE("what a flipped bit leaves readable encodes again") {
  // Everything the decoder lets pass keeps the rules that writers keep.
  const std::vector<Node> nodes = one_of_each();
  const Bytes good = encode_tree_part(nodes);
  std::size_t accepted = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes flipped = good;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    try {
      const TreePart part = decode_tree_part(flipped);
      encode_tree_part(part.nodes);
      ++accepted;
    } catch (const Error& error) {
      REQUIRE(error.kind() != ErrorKind::failed);
    }
  }
  CHECK(accepted > 0);
}

TEST_CASE("parts that break the page are damaged") {
  const std::string owner = "01 01 00000000";
  const std::string tail = "a403 00";            // mode, owner
  const std::string columns = "00 00 00 00 00";  // times, inode
  REQUIRE(decode_tree_part(bytes_of_hex(owner + "01 0161 04 00" + tail + columns)).nodes.size() ==
          1);
  const std::vector<std::string> broken = {
      "01 00 01 0161 04 00" + tail + columns,      // owner out of range
      owner + "01 00 04 00" + tail + columns,      // empty name
      owner + "01 012e 04 00" + tail + columns,    // "."
      owner + "01 022e2e 04 00" + tail + columns,  // ".."
      owner + "01 012f 04 00" + tail + columns,    // "/"
      owner + "01 0100 04 00" + tail + columns,    // NUL
      owner + "02 0162 04 00" + tail + "0161 04 00" + tail + columns +
          "00 00 00 00 00",  // descending
      owner + "02 0161 04 00" + tail + "0161 04 00" + tail + columns + "00 00 00 00 00",  // twice
      owner + "01 0161 04 808001" + tail + columns,               // unknown field
      owner + "01 0161 04 00 8020 00" + columns,                  // mode 010000
      owner + "01 0161 04 00" + tail + "00 80a8d6b907 00 00 00",  // 10^9 nanoseconds
      owner + "01 0161 04 00" + tail + "00 01 00 00 00",          // a nanosecond before 0
      owner + "01 0161 04 00" + tail + "00 00 00 00",             // a column too few
      owner + "01 0161 01 00" + tail + columns,                   // a file without content
      owner + "01 0161 04 8040" + tail + columns,                 // a FIFO with content
      owner + "01 0161 01 8044" + tail + "00 00" + columns,       // inline and empty
      owner + "01 0161 01 8004" + tail + "00 00" + columns,       // inline of size 0
      owner + "01 0161 01 8004" + tail + "05 01 09" + columns,    // a hole of 4 for a size of 5
      owner + "01 0161 01 8008" + tail + "01 04" + made_id(1).hex() + columns,  // levels 4
      owner + "01 0161 02 00" + tail + columns,                    // a directory of nothing
      owner + "01 0161 02 881000 0201" + tail + columns,           // hard link to a directory
      owner + "01 0161 04 08" + tail + "00 01" + columns,          // one link
      owner + "01 0161 04 20" + tail + "0178" + columns,           // target of a FIFO
      owner + "01 0161 03 00" + tail + columns,                    // symlink without target
      owner + "01 0161 03 20" + tail + "00" + columns,             // empty target
      owner + "01 0161 03 20" + tail + "0100" + columns,           // NUL in the target
      owner + "01 0161 06 00" + tail + columns,                    // device without number
      owner + "01 0161 06 10" + tail + "8080808010 00" + columns,  // major 2^32
      owner + "01 0161 04 40" + tail + "00" + columns,             // flags of zero
      owner + "01 0161 04 8002" + tail + "00" + columns,           // no xattrs
      owner + "01 0161 04 8002" + tail + "02 0162 00 0161 00" + columns,  // xattrs descending
      owner + "01 0161 04 8002" + tail + "01 00 00" + columns,            // xattr without name
      owner + "01 0161 04 00" + tail + columns + "00",                    // left over
      "01 01 8080808010 000000 00",                                       // uid 2^32
      "01 8180808008",     // owners that are not there
      "01 00 ffffffff0f",  // nodes that are not there
      "",
  };
  for (const std::string& hex : broken) {
    CAPTURE(hex);
    CHECK(decode_error(hex) == ErrorKind::damaged);
  }
}

TEST_CASE("an unknown version or type of entry cannot be judged") {
  CHECK(decode_error("02 00 00") == ErrorKind::newer_version);
  CHECK(decode_error("01 01 00000000 01 0161 08 00 a403 00 0000 0000 00") ==
        ErrorKind::newer_version);
}

TEST_CASE("more nodes than the page allows are damaged even if the bytes are there") {
  ByteWriter out;
  out.raw(bytes_of_hex("01 01 00000000"));
  out.varint(kMaxPartNodes + 1);
  for (std::uint32_t i = 0; i <= kMaxPartNodes; ++i) {
    out.text(numbered_name(i));
    out.raw(bytes_of_hex("04 00 00 00"));
  }
  out.raw(Bytes(5 * (kMaxPartNodes + 1)));
  CHECK(kind_of_error([&] { decode_tree_part(out.bytes()); }) == ErrorKind::damaged);
}

}  // namespace
}  // namespace coppice::test
