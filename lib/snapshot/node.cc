#include "snapshot/node.h"

#include <algorithm>

namespace coppice {
namespace {

constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxTargetBytes = 65535;
constexpr std::size_t kMaxXattrs = 4096;
constexpr std::size_t kMaxXattrBytes = kMiB;

bool has_nul(std::string_view bytes) { return bytes.find('\0') != std::string_view::npos; }

std::string_view name_problem(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return "name too short or too long";
  if (name == "." || name == ".." || has_nul(name) || name.find('/') != std::string_view::npos) {
    return "not a name";
  }
  return {};
}

bool is_time(const Timestamp& time) { return time.nanoseconds < 1'000'000'000; }

std::string_view xattr_problem(const std::vector<Xattr>& xattrs) {
  if (xattrs.size() > kMaxXattrs) return "too many xattrs";
  const Xattr* previous = nullptr;
  for (const Xattr& xattr : xattrs) {
    if (xattr.name.empty() || xattr.name.size() > kMaxNameBytes || has_nul(xattr.name)) {
      return "not an xattr name";
    }
    if (xattr.value.size() > kMaxXattrBytes) return "xattr value too long";
    if (previous != nullptr && previous->name >= xattr.name) return "xattrs out of order";
    previous = &xattr;
  }
  return {};
}

std::string_view extent_problem(const std::vector<ContentExtent>& extents, std::uint64_t size) {
  if (extents.size() > kMaxInlineExtents) return "too many extents";
  std::uint64_t left = size;
  bool after_hole = false;
  for (const ContentExtent& extent : extents) {
    if (extent.length == 0 || extent.length > left) return "extents do not add up to the size";
    if (!extent.is_hole && extent.length > kMaxDataChunkBytes) return "extent too long";
    if (extent.is_hole && after_hole) return "hole after a hole";
    left -= extent.length;
    after_hole = extent.is_hole;
  }
  return left == 0 ? std::string_view{} : "extents do not add up to the size";
}

std::string_view content_problem(const Node& node) {
  const Content& content = node.content;
  if (node.meta.type != FileType::regular) {
    return content.extents.empty() && !content.reference ? std::string_view{}
                                                         : "content of what is not a file";
  }
  if (!content.reference) return extent_problem(content.extents, node.meta.size);
  if (!content.extents.empty()) return "content both inline and by reference";
  if (node.meta.size == 0) return "content of an empty file";
  return content.reference->levels > kMaxReferenceLevels ? "reference too deep"
                                                         : std::string_view{};
}

std::string_view subtree_problem(const Node& node) {
  if (node.meta.type != FileType::directory) {
    return node.subtree ? "entries of what is not a directory" : std::string_view{};
  }
  if (!node.subtree) return node.incomplete ? std::string_view{} : "directory without entries";
  return node.subtree->levels > kMaxReferenceLevels ? "reference too deep" : std::string_view{};
}

std::string_view target_problem(const Metadata& meta) {
  const std::string& target = meta.symlink_target;
  if (meta.type != FileType::symlink) return target.empty() ? "" : "target of what is no symlink";
  if (target.empty() || target.size() > kMaxTargetBytes) return "target too short or too long";
  return has_nul(target) ? "not a target" : "";
}

std::string_view metadata_problem(const Metadata& meta) {
  if (meta.mode > 07777) return "not a mode";
  if (!is_time(meta.mtime) || !is_time(meta.ctime)) return "not a time";
  if (!is_time(meta.atime)) return "not a time";
  if (meta.birth_time && !is_time(*meta.birth_time)) return "not a time";
  if (const auto problem = target_problem(meta); !problem.empty()) return problem;
  return xattr_problem(meta.xattrs);
}

}  // namespace

Node made_root(const Reference& entries) {
  Node root;
  root.meta.type = FileType::directory;
  root.meta.mode = 0755;
  root.meta.links = 1;
  root.subtree = entries;
  return root;
}

std::size_t memory_of(const Node& node) {
  const auto of_text = [](const std::string& text) {
    constexpr std::size_t kInPlace = 15;
    return text.capacity() > kInPlace ? text.capacity() + 16 : 0;
  };
  std::size_t bytes = sizeof node + of_text(node.name) + of_text(node.user) + of_text(node.group) +
                      of_text(node.meta.symlink_target) +
                      node.content.extents.capacity() * sizeof(ContentExtent);
  for (const Xattr& xattr : node.meta.xattrs)
    bytes += sizeof xattr + of_text(xattr.name) + xattr.value.capacity();
  return bytes;
}

std::string_view node_problem(const Node& node) {
  if (const auto problem = name_problem(node.name); !problem.empty()) return problem;
  if (const auto problem = metadata_problem(node.meta); !problem.empty()) return problem;
  if (const auto problem = content_problem(node); !problem.empty()) return problem;
  return subtree_problem(node);
}

}  // namespace coppice
