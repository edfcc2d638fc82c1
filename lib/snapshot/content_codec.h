#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "snapshot/node.h"

/// Bytes of references, list objects and content parts (docs/format.md, section 9). Readers take
/// bytes that nobody vouches for and throw Error{damaged} for all that breaks the page,
/// Error{newer_version} for an unknown version; `what` names the object in messages.
namespace coppice {

inline constexpr std::size_t kMaxListIds = 65536;
inline constexpr std::size_t kMaxPartExtents = 65536;

/// Requires levels <= kMaxReferenceLevels.
void write_reference(ByteWriter& out, const Reference& reference);
Reference read_reference(ByteReader& in);

/// A count and the extents. Whether lengths add up is for the caller to check.
void write_extents(ByteWriter& out, std::span<const ContentExtent> extents);
/// At most `max` extents. Throws also for a hole after a hole and for a data extent too long for a
/// chunk.
std::vector<ContentExtent> read_extents(ByteReader& in, std::size_t max);

/// Requires 1 to kMaxListIds ids.
Bytes encode_list(std::span<const Id> ids);
/// Never empty.
std::vector<Id> decode_list(ByteView bytes, std::string_view what = "list");

/// Requires 1 to kMaxPartExtents extents.
Bytes encode_content_part(std::span<const ContentExtent> extents);
/// Never empty.
std::vector<ContentExtent> decode_content_part(ByteView bytes, std::string_view what = "content");

/// Reads and checks the version byte of a metadata object.
void read_metadata_version(ByteReader& in, std::string_view what);

}  // namespace coppice
