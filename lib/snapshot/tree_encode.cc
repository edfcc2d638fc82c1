#include <array>

#include "base/error.h"
#include "base/text.h"
#include "snapshot/node_fields.h"
#include "snapshot/tree_codec.h"

namespace coppice {
namespace {

namespace f = node_fields;

// A node's fields of fixed meaning, all varints at their longest, and two owner names.
constexpr std::size_t kFixedBytesAtMost = 1024;
constexpr std::size_t kExtentBytesAtMost = 10 + Id::kSize;

/// Never less than the node takes with its owner; cheap, for it is asked of every node.
std::size_t bytes_at_most(const Node& node) {
  std::size_t bytes = kFixedBytesAtMost + node.meta.symlink_target.size();
  bytes += node.content.extents.size() * kExtentBytesAtMost;
  for (const Xattr& xattr : node.meta.xattrs) bytes += xattr.name.size() + xattr.value.size() + 8;
  return bytes;
}

[[noreturn]] void refuse(const Node& node, std::string_view problem) {
  throw Error(ErrorKind::failed,
              "cannot record " + escape_for_display(node.name) + ": " + std::string(problem));
}

/// A name too long to be recorded is as good as unknown: the number is recorded anyway.
std::string_view recorded_owner_name(const std::string& name) {
  return name.size() > f::kMaxOwnerNameBytes ? std::string_view{} : std::string_view(name);
}

std::uint64_t content_fields(const Node& node) {
  if (node.meta.type != FileType::regular) return 0;
  if (node.content.reference) return f::kContentReference;
  return node.content.extents.empty() ? f::kEmptyContent : f::kInlineContent;
}

std::uint64_t fields_of(const Node& node) {
  const Metadata& meta = node.meta;
  std::uint64_t fields = content_fields(node);
  if (node.unsettled) fields |= f::kUnsettled;
  if (node.has_atime) fields |= f::kAccessTime;
  if (meta.birth_time) fields |= f::kBirthTime;
  if (node.is_hard_link()) fields |= f::kHardLink;
  if (f::is_device(meta.type)) fields |= f::kDeviceNumber;
  if (meta.type == FileType::symlink) fields |= f::kTarget;
  if (meta.flags != 0) fields |= f::kFlags;
  if (meta.project_id) fields |= f::kProject;
  if (!meta.xattrs.empty()) fields |= f::kXattrs;
  if (node.subtree) fields |= f::kSubtree;
  if (node.incomplete) fields |= f::kIncomplete;
  return fields;
}

/// Modulo 2^64, as any two times and inodes may follow each other.
void write_difference(ByteWriter& out, std::uint64_t value, std::uint64_t before) {
  out.svarint(static_cast<std::int64_t>(value - before));
}

void write_time(NodeColumns::Time& column, const Timestamp& time) {
  write_difference(column.seconds, static_cast<std::uint64_t>(time.seconds),
                   static_cast<std::uint64_t>(column.before.seconds));
  write_difference(column.nanoseconds, time.nanoseconds, column.before.nanoseconds);
  column.before = time;
}

/// In the order of the page.
std::array<const ByteWriter*, 9> in_order(const NodeColumns& columns) {
  return {&columns.modified.seconds,
          &columns.modified.nanoseconds,
          &columns.changed.seconds,
          &columns.changed.nanoseconds,
          &columns.inode,
          &columns.accessed.seconds,
          &columns.accessed.nanoseconds,
          &columns.born.seconds,
          &columns.born.nanoseconds};
}

}  // namespace

std::size_t NodeColumns::size() const {
  std::size_t bytes = 0;
  for (const ByteWriter* column : in_order(*this)) bytes += column->size();
  return bytes;
}

void check_recordable(const Node& node) {
  if (const auto problem = node_problem(node); !problem.empty()) refuse(node, problem);
  if (bytes_at_most(node) > kMaxNodeBytes) refuse(node, "its metadata are too large");
}

void TreePartEncoder::add(const Node& node) {
  check_recordable(node);
  if (node_count_ == kMaxPartNodes || size() + bytes_at_most(node) > kMaxMetadataChunkBytes) {
    refuse(node, "the part is full");
  }
  if (node_count_ > 0 && node.name <= latest_name_) refuse(node, "out of order");
  write_node(node);
  latest_name_ = node.name;
  ++node_count_;
}

std::size_t TreePartEncoder::owner_index(const Node& node) {
  const auto user = recorded_owner_name(node.user);
  const auto group = recorded_owner_name(node.group);
  // Nearly always the owner of the entry before: no key is built for it.
  if (latest_owner_ != nullptr &&
      latest_owner_->first == std::tie(node.meta.uid, node.meta.gid, user, group)) {
    return latest_owner_->second;
  }
  const auto [place, is_new] = owner_indexes_.try_emplace(
      Owner(node.meta.uid, node.meta.gid, user, group), owner_indexes_.size());
  latest_owner_ = &*place;
  if (is_new) {
    owners_.varint(node.meta.uid);
    owners_.varint(node.meta.gid);
    owners_.text(user);
    owners_.text(group);
  }
  return place->second;
}

void TreePartEncoder::write_node(const Node& node) {
  const Metadata& meta = node.meta;
  nodes_.text(node.name);
  nodes_.u8(static_cast<std::uint8_t>(meta.type));
  nodes_.varint(fields_of(node));
  nodes_.varint(meta.mode);
  nodes_.varint(owner_index(node));
  write_optional(node);
  write_columns(node);
}

void TreePartEncoder::write_optional(const Node& node) {
  const Metadata& meta = node.meta;
  if (node.is_hard_link()) {
    nodes_.varint(meta.device);
    nodes_.varint(meta.links);
  }
  if (f::is_device(meta.type)) {
    nodes_.varint(meta.rdev >> 32);
    nodes_.varint(meta.rdev & 0xFFFF'FFFF);
  }
  if (meta.type == FileType::symlink) nodes_.text(meta.symlink_target);
  if (meta.flags != 0) nodes_.varint(meta.flags);
  if (meta.project_id) nodes_.varint(*meta.project_id);
  if (!meta.xattrs.empty()) {
    nodes_.varint(meta.xattrs.size());
    for (const Xattr& xattr : meta.xattrs) {
      nodes_.text(xattr.name);
      nodes_.counted(xattr.value);
    }
  }
  if (!node.content.extents.empty()) {
    nodes_.varint(meta.size);
    write_extents(nodes_, node.content.extents);
  }
  if (node.content.reference) {
    nodes_.varint(meta.size);
    write_reference(nodes_, *node.content.reference);
  }
  if (node.subtree) write_reference(nodes_, *node.subtree);
}

void TreePartEncoder::write_columns(const Node& node) {
  const Metadata& meta = node.meta;
  // Files are often made one after the other: the next one's birth is near the last one's change.
  columns_.born.before = columns_.changed.before;
  if (meta.birth_time) write_time(columns_.born, *meta.birth_time);
  write_time(columns_.modified, meta.mtime);
  write_time(columns_.changed, meta.ctime);
  write_difference(columns_.inode, meta.inode, columns_.inode_before);
  columns_.inode_before = meta.inode;
  if (node.has_atime) write_time(columns_.accessed, meta.atime);
}

Bytes TreePartEncoder::take() {
  ByteWriter head;
  head.u8(f::kTreeVersion);
  head.varint(owner_indexes_.size());
  ByteWriter middle;
  middle.varint(node_count_);

  Bytes part;
  part.reserve(head.size() + middle.size() + size());
  const auto append = [&part](const ByteWriter& piece) {
    part.insert(part.end(), piece.bytes().begin(), piece.bytes().end());
  };
  append(head);
  append(owners_);
  append(middle);
  append(nodes_);
  for (const ByteWriter* column : in_order(columns_)) append(*column);
  owners_.clear();
  nodes_.clear();
  owner_indexes_.clear();
  latest_owner_ = nullptr;
  node_count_ = 0;
  latest_name_.clear();
  columns_ = {};
  return part;
}

Bytes encode_tree_part(std::span<const Node> nodes) {
  TreePartEncoder encoder;
  for (const Node& node : nodes) encoder.add(node);
  return encoder.take();
}

}  // namespace coppice
