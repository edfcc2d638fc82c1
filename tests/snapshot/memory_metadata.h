#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "crypto/hash.h"
#include "snapshot/reference.h"
#include "snapshot/tree_reader.h"
#include "snapshot/tree_writer.h"

namespace coppice::test {

/// Keeps metadata chunks in memory under their BLAKE3 and counts what is asked of it.
class MemoryMetadata final : public MetadataSink, public MetadataSource {
 public:
  Id put(ByteView encoded) override {
    const Id id = blake3(encoded);
    largest_put = std::max(largest_put, encoded.size());
    chunks[id] = to_bytes(encoded);
    return id;
  }
  Bytes get(const Id& id) override {
    ++gets;
    const auto found = chunks.find(id);
    if (found == chunks.end()) throw_damaged("chunk " + id.short_hex() + " is missing");
    return found->second;
  }

  std::map<Id, Bytes> chunks;
  std::size_t largest_put = 0;
  std::size_t gets = 0;
};

/// An id whose first byte is `first`, different for each `number`.
inline Id made_id(std::uint8_t first, std::uint32_t number = 0) {
  Id id;
  id.bytes[0] = first;
  for (unsigned i = 0; i < 4; ++i) id.bytes[1 + i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

inline Node made_node(std::string name, FileType type) {
  Node node;
  node.name = std::move(name);
  node.meta.type = type;
  node.meta.mode = 0644;
  node.meta.links = 1;
  return node;
}

inline Node made_file(std::string name, std::vector<ContentExtent> extents = {}) {
  Node node = made_node(std::move(name), FileType::regular);
  for (const ContentExtent& extent : extents) node.meta.size += extent.length;
  node.content.extents = std::move(extents);
  return node;
}

inline Node made_directory(std::string name, const Reference& subtree) {
  Node node = made_node(std::move(name), FileType::directory);
  node.subtree = subtree;
  return node;
}

/// "entry-0000042": ascends with the number.
inline std::string numbered_name(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string name = "entry-0000000";
  return name.replace(name.size() - digits.size(), digits.size(), digits);
}

/// Stores a directory of these nodes.
inline Reference stored_tree(MetadataSink& sink, const std::vector<Node>& nodes) {
  TreeWriter writer(sink);
  for (const Node& node : nodes) writer.add(node);
  return writer.finish();
}

inline Bytes bytes_of_hex(std::string hex) {
  std::erase(hex, ' ');
  Bytes bytes(hex.size() / 2);
  if (!from_hex(hex, bytes)) throw Error(ErrorKind::failed, "not hex: " + hex);
  return bytes;
}

/// The kind of error that `action` throws; fails the test if it throws none.
template <typename Action>
ErrorKind kind_of_error(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind();
  }
  throw std::runtime_error("no error was thrown");
}

/// Runs `decode` on every prefix of `good`, on every single-bit flip, and on some longer damage: it
/// must return or throw Error{damaged} or Error{newer_version}; prefixes must never be accepted.
template <typename Decode>
bool survives_damage(const Bytes& good, Decode&& decode) {
  const auto is_accepted = [&](const Bytes& bytes) {
    try {
      decode(ByteView(bytes));
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged && error.kind() != ErrorKind::newer_version) throw;
      return false;
    }
  };
  for (std::size_t size = 0; size < good.size(); ++size) {
    if (is_accepted(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)))) {
      return false;
    }
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes flipped = good;
      flipped[i] ^= static_cast<std::uint8_t>(1U << bit);
      is_accepted(flipped);
    }
    // A huge number where a small one was.
    Bytes swollen = good;
    for (std::size_t k = i; k < std::min(i + 9, swollen.size()); ++k) swollen[k] = 0xFF;
    is_accepted(swollen);
    if (i + 9 < swollen.size()) {
      swollen[i + 9] = 0x01;
      is_accepted(swollen);
    }
  }
  Bytes longer = good;
  longer.push_back(0);
  return !is_accepted(longer);
}

/// Of all nodes, in order.
inline std::vector<std::string> names_of(MemoryMetadata& store, const Reference& tree) {
  std::vector<std::string> names;
  TreeCursor cursor(store, tree);
  while (const Node* node = cursor.next()) names.push_back(node->name);
  return names;
}

}  // namespace coppice::test
