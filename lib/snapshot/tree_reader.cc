#include "snapshot/tree_reader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace coppice {
namespace {

TreePart decode_part(const Id& id, ByteView bytes) {
  return decode_tree_part(bytes, "tree " + id.short_hex());
}

TreePart get_part(MetadataSource& source, const Id& id) {
  return decode_part(id, get_metadata(source, id));
}

/// The first name beneath an id of the given level.
std::string first_name(MetadataSource& source, Id id, std::uint8_t levels) {
  for (; levels > 0; --levels) {
    id = decode_list(get_metadata(source, id), "list " + id.short_hex()).front();
  }
  const TreePart part = get_part(source, id);
  if (part.nodes.empty()) throw_damaged("tree " + id.short_hex() + ": empty part");
  return part.nodes.front().name;
}

/// The part that would hold `name`: halves the lists by the first names beneath their ids.
Id find_part(MetadataSource& source, const Reference& directory, std::string_view name) {
  Id id = directory.id;
  for (std::uint8_t levels = directory.levels; levels > 0; --levels) {
    const std::vector<Id> ids = decode_list(get_metadata(source, id), "list " + id.short_hex());
    const auto below = static_cast<std::uint8_t>(levels - 1);
    const auto after = std::partition_point(ids.begin() + 1, ids.end(), [&](const Id& part) {
      return first_name(source, part, below) <= name;
    });
    id = *(after - 1);
  }
  return id;
}

}  // namespace

Node* TreeCursor::next() {
  if (next_in_part_ == part_.nodes.size() && !load_part()) return nullptr;
  return &part_.nodes[next_in_part_++];
}

bool TreeCursor::load_part() {
  const std::optional<PartCursor::Part> part = parts_.next();
  next_in_part_ = 0;
  if (!part) {
    part_.nodes.clear();
    return false;
  }
  part_ = {};  // before the next part needs the memory
  part_ = decode_part(part->id, part->bytes);
  if (part_.nodes.empty()) {
    if (!is_single_part_) throw_damaged("tree " + part->id.short_hex() + ": empty part");
    return false;
  }
  if (part_.nodes.front().name <= latest_name_) {
    throw_damaged("tree " + part->id.short_hex() + ": names out of order");
  }
  latest_name_ = part_.nodes.back().name;
  return true;
}

ContentCursor::ContentCursor(MetadataSource& source, const Node& node) : left_(node.meta.size) {
  if (node.content.reference) {
    parts_.emplace(source, *node.content.reference);
  } else {
    extents_ = node.content.extents;
  }
}

const ContentExtent* ContentCursor::next() {
  if (next_in_part_ == extents_.size() && !load_part()) {
    if (left_ != 0) throw_damaged("content: shorter than the file's size");
    return nullptr;
  }
  const ContentExtent& extent = extents_[next_in_part_++];
  if (extent.length == 0 || extent.length > left_) {
    throw_damaged("content: longer than the file's size");
  }
  if (extent.is_hole && after_hole_) throw_damaged("content: hole after a hole");
  left_ -= extent.length;
  after_hole_ = extent.is_hole;
  return &extent;
}

bool ContentCursor::load_part() {
  if (!parts_) return false;
  const std::optional<PartCursor::Part> part = parts_->next();
  next_in_part_ = 0;
  extents_.clear();
  if (!part) return false;
  extents_ = decode_content_part(part->bytes, "content " + part->id.short_hex());
  return true;
}

std::optional<Node> find_child(MetadataSource& source, const Reference& directory,
                               std::string_view name) {
  if (directory.levels > kMaxReferenceLevels) throw_damaged("reference too deep");
  TreePart part = get_part(source, find_part(source, directory, name));
  const auto place =
      std::lower_bound(part.nodes.begin(), part.nodes.end(), name,
                       [](const Node& node, std::string_view key) { return node.name < key; });
  if (place == part.nodes.end() || place->name != name) return std::nullopt;
  return std::move(*place);
}

std::optional<Node> find_path(MetadataSource& source, const Node& root, std::string_view path) {
  Node node = root;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (name.empty()) continue;
    if (!node.subtree) return std::nullopt;
    std::optional<Node> child = find_child(source, *node.subtree, name);
    if (!child) return std::nullopt;
    node = std::move(*child);
  }
  return node;
}

}  // namespace coppice
