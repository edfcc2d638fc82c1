#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "snapshot/content_codec.h"
#include "snapshot/node.h"

/// Bytes of tree parts (docs/format.md, section 9). The encoding is deterministic: equal nodes give
/// equal bytes, and so the same chunk.
namespace coppice {

inline constexpr std::size_t kMaxPartNodes = 65536;
/// Largest node with its owner, bytes.
inline constexpr std::size_t kMaxNodeBytes = 2 * kMiB;

struct TreePart {
  std::vector<Node> nodes;  ///< names strictly ascend
};

/// Throws Error{failed} if the node cannot be recorded (node_problem) or is larger than
/// kMaxNodeBytes.
void check_recordable(const Node& node);

/// The numbers of a part's nodes that stand in columns behind them, each as its difference to the
/// node before: neighbours are alike, and where all of them change, as times do when a release is
/// unpacked over the last one, the news stand together (docs/decisions/0007).
struct NodeColumns {
  struct Time {
    ByteWriter seconds;
    ByteWriter nanoseconds;
    Timestamp before;
  };

  Time modified;
  Time changed;
  ByteWriter inode;
  Time accessed;
  Time born;
  std::uint64_t inode_before = 0;

  std::size_t size() const;
};

/// Encodes one part node by node. Holds its bytes only. Not thread-safe.
class TreePartEncoder {
 public:
  /// Appends a node. Throws Error{failed}, and changes nothing, if the node is not recordable
  /// (check_recordable), does not follow the one before it by name, or does not fit into the part.
  void add(const Node& node);

  /// Bytes of owners and nodes so far; the encoded part has at most eight more.
  std::size_t size() const { return owners_.size() + nodes_.size() + columns_.size(); }
  std::size_t node_count() const { return node_count_; }
  /// The encoded part; starts anew.
  Bytes take();

 private:
  using Owner = std::tuple<std::uint32_t, std::uint32_t, std::string, std::string>;

  std::size_t owner_index(const Node& node);
  void write_node(const Node& node);
  void write_optional(const Node& node);
  void write_columns(const Node& node);

  ByteWriter owners_;
  ByteWriter nodes_;
  std::map<Owner, std::size_t> owner_indexes_;
  const std::pair<const Owner, std::size_t>* latest_owner_ = nullptr;
  std::size_t node_count_ = 0;
  std::string latest_name_;
  NodeColumns columns_;
};

/// Throws as TreePartEncoder::add.
Bytes encode_tree_part(std::span<const Node> nodes);

/// Reads bytes that nobody vouches for: throws Error{damaged} for all that breaks the page,
/// Error{newer_version} for an unknown version or type of node.
TreePart decode_tree_part(ByteView bytes, std::string_view what = "tree");

}  // namespace coppice
