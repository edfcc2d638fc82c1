#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/units.h"
#include "fs/metadata.h"

/// The entry of a directory as a snapshot records it (docs/format.md, section 9).
namespace coppice {

/// Largest tree part, list object or content part, bytes.
inline constexpr std::size_t kMaxMetadataChunkBytes = 4 * kMiB;
/// Largest data chunk: no block holds more (docs/format.md, section 7).
inline constexpr std::uint64_t kMaxDataChunkBytes = 32 * kMiB;
/// A file of more extents has them in content parts.
inline constexpr std::size_t kMaxInlineExtents = 1024;
/// Levels of list objects that a reference may pass through.
inline constexpr std::uint8_t kMaxReferenceLevels = 3;

/// A run of a file's bytes: a data chunk, or a hole, which has no chunk and reads as zeros.
struct ContentExtent {
  Id id;  ///< of the data chunk; zero for a hole
  std::uint64_t length = 0;
  bool is_hole = false;

  bool operator==(const ContentExtent&) const = default;
};

/// Names a sequence of parts: with levels 0 the one part itself, else a list object whose ids have
/// one level less.
struct Reference {
  std::uint8_t levels = 0;
  Id id;

  bool operator==(const Reference&) const = default;
};

/// What a regular file holds: short lists are in the node, long ones in content parts. The lengths
/// add up to the file's size; an empty file has neither.
struct Content {
  std::vector<ContentExtent> extents;
  std::optional<Reference> reference;

  bool operator==(const Content&) const = default;
};

/// One entry of a directory. What a decoded node does not record is zero in `meta`: the size of all
/// but regular files, `allocated`, the device (but for hard links), the access time unless
/// has_atime; the link count is then 1.
struct Node {
  std::string name;  ///< bytes; 1 to 255, never "." or "..", no slash, no NUL
  Metadata meta;     ///< `size` is that of `content`; `xattrs` ascend by name
  std::string user;  ///< empty if unknown; more than 256 bytes are recorded as unknown
  std::string group;
  bool has_atime = false;  ///< meta.atime is to be recorded
  bool unsettled = false;  ///< ctime too close to the reading: read again next time
  bool incomplete =
      false;        ///< changed while it was read, or a directory of which a part is missing
  Content content;  ///< regular files
  std::optional<Reference> subtree;  ///< directories; none if it could not be read at all

  /// True for an entry that may have other names in the snapshot: those with equal device and
  /// inode.
  bool is_hard_link() const { return meta.links > 1 && meta.type != FileType::directory; }

  bool operator==(const Node&) const = default;
};

/// Bytes that a node keeps in memory, about, with all that it owns: what bounds how many of them
/// are in hand at one time.
std::size_t memory_of(const Node& node);

/// "/" without metadata of its own (mode 0755, of root), with the tree of its entries.
Node made_root(const Reference& entries);

/// What keeps the node from being recorded, or an empty view. The same rules hold for writing and
/// for reading.
std::string_view node_problem(const Node& node);

}  // namespace coppice
