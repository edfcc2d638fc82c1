#include "restore/content_compare.h"

#include <algorithm>

#include "fs/fd.h"
#include "fs/metadata.h"

namespace coppice {
namespace {

constexpr std::size_t kZeroCheckBytes = 1 << 20;

bool is_range_zero(int fd, Extent range, Bytes& buffer) {
  while (range.length > 0) {
    buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(range.length, kZeroCheckBytes)));
    if (read_at(fd, buffer, range.offset) != buffer.size()) return false;
    if (!is_all_zero(buffer)) return false;
    range.offset += buffer.size();
    range.length -= buffer.size();
  }
  return true;
}

/// True if the range holds no data: neither blocks nor, where holes cannot be told, other than
/// zeros.
bool reads_as_zeros(int fd, Extent range, Bytes& buffer) {
  const std::uint64_t end = range.offset + range.length;
  for (std::uint64_t offset = range.offset; offset < end;) {
    const Extent data = next_data(fd, offset, end);
    if (!is_range_zero(fd, data, buffer)) return false;
    if (data.length == 0) return true;
    offset = data.offset + data.length;
  }
  return true;
}

}  // namespace

bool holds_chunk(int fd, std::uint64_t offset, const ContentExtent& chunk,
                 const ChunkIdentity& identity, Bytes& buffer) {
  buffer.resize(static_cast<std::size_t>(chunk.length));
  return read_at(fd, buffer, offset) == buffer.size() && identity.id(buffer) == chunk.id;
}

std::optional<UpdatePlan> plan_update(int fd, const UpdateQuestion& question) {
  const Metadata existing = stat_fd(fd);
  UpdatePlan plan;
  plan.device = existing.device;
  plan.inode = existing.inode;
  Bytes buffer;
  std::uint64_t offset = 0;
  ContentCursor extents(question.trees, question.node);
  while (const ContentExtent* extent = extents.next()) {
    const std::uint64_t end = offset + extent->length;
    if (extent->is_hole) {
      const std::uint64_t existing_end = std::min(end, existing.size);
      if (offset < existing_end && next_data(fd, offset, existing_end).length > 0) {
        plan.holes.push_back({offset, existing_end - offset});
      }
      plan.is_same.push_back(true);
    } else {
      const bool is_same = question.compares && end <= existing.size &&
                           holds_chunk(fd, offset, *extent, question.identity, buffer);
      if (!is_same && !question.index.find_first(extent->id)) return std::nullopt;
      plan.is_same.push_back(is_same);
    }
    offset = end;
  }
  return plan;
}

bool is_content_right(int fd, const Node& node, MetadataSource& trees,
                      const ChunkIdentity& identity) {
  if (stat_fd(fd).size != node.meta.size) return false;
  Bytes buffer;
  std::uint64_t offset = 0;
  ContentCursor extents(trees, node);
  while (const ContentExtent* extent = extents.next()) {
    const bool is_right = extent->is_hole ? reads_as_zeros(fd, {offset, extent->length}, buffer)
                                          : holds_chunk(fd, offset, *extent, identity, buffer);
    if (!is_right) return false;
    offset += extent->length;
  }
  return true;
}

}  // namespace coppice
