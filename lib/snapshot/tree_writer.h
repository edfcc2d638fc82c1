#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "snapshot/reference.h"
#include "snapshot/tree_codec.h"

namespace coppice {

/// From this many bytes on a part of a tree is cut where the next name's hash says so …
inline constexpr std::size_t kMinTreePartBytes = 256 * kKiB;
/// … and anywhere from this many.
inline constexpr std::size_t kMaxTreePartBytes = kMiB;

/// Writes a directory of any size as tree parts, cut by docs/format.md section 9: an entry that
/// comes or goes changes the part it is in and seldom the next. Memory: one part and at most
/// 8192 ids a level. Not thread-safe: one thread owns it.
class TreeWriter {
 public:
  explicit TreeWriter(MetadataSink& sink) : sink_(sink), parts_(sink) {}

  /// Names must ascend strictly. Throws Error{failed} for a node that cannot be recorded; the
  /// writer can then go on without it. Throws what the sink throws.
  void add(const Node& node);
  /// Stores what is left and names the whole; an empty directory too. The writer is then as new.
  Reference finish();

 private:
  bool is_part_full(const std::string& next_name) const;

  MetadataSink& sink_;
  TreePartEncoder part_;
  ReferenceWriter parts_;
  std::string latest_name_;
};

/// Takes a file's extents in order, and keeps them inline or, when they become many, in content
/// parts. Holes that touch become one. Memory: at most 8192 extents, whatever the file's size, and
/// at most 8192 ids a level. Not thread-safe: one thread owns it.
class ContentWriter {
 public:
  explicit ContentWriter(MetadataSink& sink) : sink_(sink), parts_(sink) {}

  /// Requires 1 <= length <= kMaxDataChunkBytes. Throws Error{failed} if it is not so, or the file
  /// would pass 2^63 - 1 bytes.
  void add_chunk(const Id& id, std::uint64_t length);
  /// A length of 0 adds nothing. Throws as add_chunk.
  void add_hole(std::uint64_t length);

  /// Bytes so far: the file's size.
  std::uint64_t size() const { return size_; }
  /// Stores what is left. The writer is then as new.
  Content finish();

 private:
  void grow(std::uint64_t length);
  void append(const ContentExtent& extent);
  void put_part();

  MetadataSink& sink_;
  ReferenceWriter parts_;
  std::vector<ContentExtent> extents_;  // not yet in a part
  std::uint64_t size_ = 0;
};

}  // namespace coppice
