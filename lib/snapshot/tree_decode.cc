#include "base/error.h"
#include "snapshot/node_fields.h"
#include "snapshot/tree_codec.h"

namespace coppice {
namespace {

namespace f = node_fields;

constexpr std::uint64_t kMaxU32 = 0xFFFF'FFFF;
constexpr std::uint64_t kLastNanosecond = 999'999'999;
// The shortest owner and node, with its numbers in the columns: every field one byte.
constexpr std::size_t kMinOwnerBytes = 4;
constexpr std::size_t kMinNodeBytes = 11;
constexpr std::size_t kMinXattrBytes = 3;

struct OwnerEntry {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;
  std::string group;
};

/// Reads the nodes of one part, one after the other.
class NodeReader {
 public:
  NodeReader(ByteReader& in, std::string_view what) : in_(in), what_(what) {}

  void read_owners();
  void read_nodes(std::vector<Node>& nodes);

 private:
  std::uint32_t u32_varint(std::string_view field) {
    return static_cast<std::uint32_t>(in_.varint_max(kMaxU32, field));
  }
  std::uint64_t after(std::uint64_t before) {
    return before + static_cast<std::uint64_t>(in_.svarint());
  }
  void read_node(Node& node);
  template <typename TimeOf>
  void read_times(std::vector<Node>& nodes, TimeOf time_of);
  void read_births(std::vector<Node>& nodes);
  void read_seconds(Timestamp& time, const Timestamp& before);
  void read_nanoseconds(Timestamp& time, const Timestamp& before);
  FileType type();
  std::uint64_t fields(FileType type);
  void read_owner(Node& node);
  void read_status(Node& node, std::uint64_t fields);
  void read_extended(Metadata& meta, std::uint64_t fields);
  void read_xattrs(Metadata& meta);
  void read_content(Node& node, std::uint64_t fields);

  ByteReader& in_;
  std::string_view what_;
  std::vector<OwnerEntry> owners_;
};

void NodeReader::read_owners() {
  const std::size_t count = in_.count(kMinOwnerBytes, f::kMaxOwners, "count of owners");
  owners_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    OwnerEntry& owner = owners_.emplace_back();
    owner.uid = u32_varint("uid");
    owner.gid = u32_varint("gid");
    owner.user = in_.text(f::kMaxOwnerNameBytes, "user");
    owner.group = in_.text(f::kMaxOwnerNameBytes, "group");
  }
}

void NodeReader::read_seconds(Timestamp& time, const Timestamp& before) {
  time.seconds = static_cast<std::int64_t>(after(static_cast<std::uint64_t>(before.seconds)));
}

void NodeReader::read_nanoseconds(Timestamp& time, const Timestamp& before) {
  const std::uint64_t nanoseconds = after(before.nanoseconds);
  if (nanoseconds > kLastNanosecond) in_.fail("nanoseconds out of range");
  time.nanoseconds = static_cast<std::uint32_t>(nanoseconds);
}

/// The two columns of one kind of time; `time_of` gives a node's place for it, null if it has none.
template <typename TimeOf>
void NodeReader::read_times(std::vector<Node>& nodes, TimeOf time_of) {
  for (const auto read : {&NodeReader::read_seconds, &NodeReader::read_nanoseconds}) {
    Timestamp before;
    for (Node& node : nodes) {
      Timestamp* const time = time_of(node);
      if (time == nullptr) continue;
      (this->*read)(*time, before);
      before = *time;
    }
  }
}

/// Births stand as differences to the change of the node before.
void NodeReader::read_births(std::vector<Node>& nodes) {
  for (const auto read : {&NodeReader::read_seconds, &NodeReader::read_nanoseconds}) {
    Timestamp before;
    for (Node& node : nodes) {
      if (node.meta.birth_time) (this->*read)(*node.meta.birth_time, before);
      before = node.meta.ctime;
    }
  }
}

FileType NodeReader::type() {
  const std::uint8_t type = in_.u8();
  if (type >= 1 && type <= 7) return static_cast<FileType>(type);
  throw Error(ErrorKind::newer_version, std::string(what_) + ": type of entry " +
                                            std::to_string(type) + " is not known here");
}

/// Which fields follow, having checked that an entry of this type may and must have them.
std::uint64_t NodeReader::fields(FileType type) {
  constexpr std::uint64_t kContent = f::kInlineContent | f::kContentReference | f::kEmptyContent;
  const std::uint64_t fields = in_.varint_max(f::kAll, "fields");
  const std::uint64_t content = fields & kContent;
  const bool has_one_content = content != 0 && (content & (content - 1)) == 0;
  const bool is_directory = type == FileType::directory;
  if (type == FileType::regular ? !has_one_content : content != 0) {
    in_.fail("content and type do not match");
  }
  if (((fields & f::kTarget) != 0) != (type == FileType::symlink)) {
    in_.fail("target and type do not match");
  }
  if (((fields & f::kDeviceNumber) != 0) != f::is_device(type)) {
    in_.fail("device number and type do not match");
  }
  if ((fields & f::kSubtree) != 0 && !is_directory) in_.fail("entries of what is no directory");
  if ((fields & f::kHardLink) != 0 && is_directory) in_.fail("hard link to a directory");
  return fields;
}

void NodeReader::read_owner(Node& node) {
  const std::uint64_t index = in_.varint();
  if (index >= owners_.size()) in_.fail("owner out of range");
  const OwnerEntry& owner = owners_[static_cast<std::size_t>(index)];
  node.meta.uid = owner.uid;
  node.meta.gid = owner.gid;
  node.user = owner.user;
  node.group = owner.group;
}

void NodeReader::read_status(Node& node, std::uint64_t fields) {
  Metadata& meta = node.meta;
  node.unsettled = (fields & f::kUnsettled) != 0;
  node.incomplete = (fields & f::kIncomplete) != 0;
  node.has_atime = (fields & f::kAccessTime) != 0;
  if ((fields & f::kBirthTime) != 0) meta.birth_time.emplace();
  meta.links = 1;
  if ((fields & f::kHardLink) != 0) {
    meta.device = in_.varint();
    meta.links = u32_varint("link count");
    if (meta.links < 2) in_.fail("link count out of range");
  }
  if ((fields & f::kDeviceNumber) != 0) {
    const std::uint64_t major = u32_varint("major number");
    meta.rdev = major << 32 | u32_varint("minor number");
  }
}

void NodeReader::read_extended(Metadata& meta, std::uint64_t fields) {
  if ((fields & f::kTarget) != 0) meta.symlink_target = in_.text(65535, "target");
  if ((fields & f::kFlags) != 0) {
    meta.flags = u32_varint("file flags");
    if (meta.flags == 0) in_.fail("file flags of zero");
  }
  if ((fields & f::kProject) != 0) meta.project_id = u32_varint("project id");
  if ((fields & f::kXattrs) != 0) read_xattrs(meta);
}

void NodeReader::read_xattrs(Metadata& meta) {
  const std::size_t count = in_.count(kMinXattrBytes, 4096, "count of xattrs");
  if (count == 0) in_.fail("empty list of xattrs");
  meta.xattrs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Xattr& xattr = meta.xattrs.emplace_back();
    xattr.name = in_.text(255, "xattr name");
    xattr.value = to_bytes(in_.counted(kMiB, "xattr value"));
  }
}

void NodeReader::read_content(Node& node, std::uint64_t fields) {
  if ((fields & (f::kInlineContent | f::kContentReference)) != 0) {
    node.meta.size = in_.varint();
    if (node.meta.size == 0) in_.fail("content of an empty file");
  }
  if ((fields & f::kInlineContent) != 0) {
    node.content.extents = read_extents(in_, kMaxInlineExtents);
  }
  if ((fields & f::kContentReference) != 0) node.content.reference = read_reference(in_);
  if ((fields & f::kSubtree) != 0) node.subtree = read_reference(in_);
}

void NodeReader::read_node(Node& node) {
  node.name = in_.text(255, "name");
  node.meta.type = type();
  const std::uint64_t bits = fields(node.meta.type);
  node.meta.mode = static_cast<std::uint32_t>(in_.varint_max(07777, "mode"));
  read_owner(node);
  read_status(node, bits);
  read_extended(node.meta, bits);
  read_content(node, bits);
}

void NodeReader::read_nodes(std::vector<Node>& nodes) {
  for (Node& node : nodes) read_node(node);
  read_times(nodes, [](Node& node) { return &node.meta.mtime; });
  read_times(nodes, [](Node& node) { return &node.meta.ctime; });
  std::uint64_t inode = 0;
  for (Node& node : nodes) node.meta.inode = inode = after(inode);
  read_times(nodes, [](Node& node) { return node.has_atime ? &node.meta.atime : nullptr; });
  read_births(nodes);
}

}  // namespace

TreePart decode_tree_part(ByteView bytes, std::string_view what) {
  ByteReader in(bytes, what);
  read_metadata_version(in, what);
  NodeReader reader(in, what);
  reader.read_owners();
  const std::size_t count = in.count(kMinNodeBytes, kMaxPartNodes, "count of nodes");
  TreePart part;
  part.nodes.resize(count);
  reader.read_nodes(part.nodes);
  in.expect_end();
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto problem = node_problem(part.nodes[i]); !problem.empty()) in.fail(problem);
    if (i > 0 && part.nodes[i].name <= part.nodes[i - 1].name) in.fail("names out of order");
  }
  return part;
}

}  // namespace coppice
