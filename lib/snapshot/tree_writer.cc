#include "snapshot/tree_writer.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxFileBytes = ~std::uint64_t{0} >> 1;

}  // namespace

bool TreeWriter::is_part_full(const std::string& next_name) const {
  if (part_.size() < kMinTreePartBytes && part_.node_count() < kMaxPartNodes) return false;
  return part_.size() >= kMaxTreePartBytes || part_.node_count() == kMaxPartNodes ||
         is_cut_id(blake3(as_bytes(next_name)));
}

void TreeWriter::add(const Node& node) {
  // The encoder sees the order of its own part only.
  if (!latest_name_.empty() && node.name <= latest_name_) {
    throw Error(ErrorKind::failed,
                "cannot record " + escape_for_display(node.name) + ": out of order");
  }
  if (is_part_full(node.name)) {
    check_recordable(node);  // a refused node must not cut
    parts_.add(sink_.put(part_.take()));
  }
  part_.add(node);
  latest_name_ = node.name;
}

Reference TreeWriter::finish() {
  if (part_.node_count() > 0 || parts_.is_empty()) parts_.add(sink_.put(part_.take()));
  latest_name_.clear();
  return parts_.finish();
}

void ContentWriter::grow(std::uint64_t length) {
  if (length > kMaxFileBytes - size_) throw Error(ErrorKind::failed, "file too large");
  size_ += length;
}

void ContentWriter::add_chunk(const Id& id, std::uint64_t length) {
  if (length == 0 || length > kMaxDataChunkBytes) {
    throw Error(ErrorKind::failed, "a chunk of " + std::to_string(length) + " bytes");
  }
  grow(length);
  append({id, length, false});
}

void ContentWriter::add_hole(std::uint64_t length) {
  if (length == 0) return;
  grow(length);
  if (!extents_.empty() && extents_.back().is_hole) {
    extents_.back().length += length;
  } else {
    append({Id{}, length, true});
  }
}

void ContentWriter::append(const ContentExtent& extent) {
  // A part is put only when the next extent is there: until then its last hole may grow.
  if (extents_.size() >= kMinCutItems) {
    const ContentExtent& last = extents_.back();
    if (extents_.size() >= kMaxCutItems || (!last.is_hole && is_cut_id(last.id))) put_part();
  }
  extents_.push_back(extent);
}

void ContentWriter::put_part() {
  parts_.add(sink_.put(encode_content_part(extents_)));
  extents_.clear();
}

Content ContentWriter::finish() {
  Content content;
  if (parts_.is_empty() && extents_.size() <= kMaxInlineExtents) {
    content.extents = std::exchange(extents_, {});
  } else {
    put_part();
    content.reference = parts_.finish();
  }
  size_ = 0;
  return content;
}

}  // namespace coppice
