#include "snapshot/content_codec.h"

#include <string>

#include "base/error.h"

namespace coppice {
namespace {

constexpr std::uint8_t kContentVersion = 1;

ContentExtent read_extent(ByteReader& in) {
  const std::uint64_t head = in.varint();
  ContentExtent extent;
  extent.length = head >> 1;
  extent.is_hole = (head & 1) != 0;
  if (extent.length == 0) in.fail("extent without length");
  if (extent.is_hole) return extent;
  if (extent.length > kMaxDataChunkBytes) in.fail("extent too long");
  extent.id = in.id();
  return extent;
}

}  // namespace

void read_metadata_version(ByteReader& in, std::string_view what) {
  const std::uint8_t version = in.u8();
  if (version == kContentVersion) return;
  throw Error(ErrorKind::newer_version,
              std::string(what) + ": version " + std::to_string(version) + " is not known here");
}

void write_reference(ByteWriter& out, const Reference& reference) {
  out.u8(reference.levels);
  out.id(reference.id);
}

Reference read_reference(ByteReader& in) {
  Reference reference;
  reference.levels = in.u8();
  if (reference.levels > kMaxReferenceLevels) in.fail("reference too deep");
  reference.id = in.id();
  return reference;
}

void write_extents(ByteWriter& out, std::span<const ContentExtent> extents) {
  out.varint(extents.size());
  for (const ContentExtent& extent : extents) {
    out.varint(extent.length << 1 | (extent.is_hole ? 1 : 0));
    if (!extent.is_hole) out.id(extent.id);
  }
}

std::vector<ContentExtent> read_extents(ByteReader& in, std::size_t max) {
  std::vector<ContentExtent> extents;
  const std::size_t count = in.count(1, max, "count of extents");
  extents.reserve(count);
  bool after_hole = false;
  for (std::size_t i = 0; i < count; ++i) {
    extents.push_back(read_extent(in));
    const bool is_hole = extents.back().is_hole;
    // Without this, four million one-byte holes would grow fifty-fold when decoded.
    if (is_hole && after_hole) in.fail("hole after a hole");
    after_hole = is_hole;
  }
  return extents;
}

Bytes encode_list(std::span<const Id> ids) {
  ByteWriter out;
  out.u8(kContentVersion);
  out.varint(ids.size());
  for (const Id& id : ids) out.id(id);
  return out.take();
}

std::vector<Id> decode_list(ByteView bytes, std::string_view what) {
  ByteReader in(bytes, what);
  read_metadata_version(in, what);
  std::vector<Id> ids(in.count(Id::kSize, kMaxListIds, "count of ids"));
  for (Id& id : ids) id = in.id();
  in.expect_end();
  if (ids.empty()) in.fail("empty list");
  return ids;
}

Bytes encode_content_part(std::span<const ContentExtent> extents) {
  ByteWriter out;
  out.u8(kContentVersion);
  write_extents(out, extents);
  return out.take();
}

std::vector<ContentExtent> decode_content_part(ByteView bytes, std::string_view what) {
  ByteReader in(bytes, what);
  read_metadata_version(in, what);
  std::vector<ContentExtent> extents = read_extents(in, kMaxPartExtents);
  in.expect_end();
  if (extents.empty()) in.fail("empty part");
  return extents;
}

}  // namespace coppice
