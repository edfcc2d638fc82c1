#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "snapshot/reference.h"
#include "snapshot/tree_codec.h"

/// Reading trees back. All of it takes chunks that nobody vouches for but their ids, and throws
/// Error{damaged} for what breaks docs/format.md section 9, Error{newer_version} for what is newer,
/// and whatever MetadataSource::get throws.
namespace coppice {

/// Streams a directory's nodes in name order. Memory: one part. Names ascend strictly across parts
/// too, so a directory cannot name a part twice and has an end. Not thread-safe.
class TreeCursor {
 public:
  /// `source` must outlive the cursor. Fetches nothing yet.
  TreeCursor(MetadataSource& source, const Reference& reference)
      : parts_(source, reference), is_single_part_(reference.levels == 0) {}

  /// The next node, or null at the end. It stays until the next call and may be moved from.
  Node* next();

 private:
  bool load_part();

  PartCursor parts_;
  bool is_single_part_;
  TreePart part_;
  std::size_t next_in_part_ = 0;
  std::string latest_name_;  // of the part before
};

/// Streams a file's extents, inline or not, in order. Memory: one part. Lengths add up to the
/// node's size, else it throws: too much as soon as it is seen, too little at the end. Not
/// thread-safe.
class ContentCursor {
 public:
  /// Requires a regular file. Copies what it needs; `source` must outlive the cursor. Fetches
  /// nothing yet.
  ContentCursor(MetadataSource& source, const Node& node);

  /// The next extent, or null at the end. It stays until the next call.
  const ContentExtent* next();

 private:
  bool load_part();

  std::optional<PartCursor> parts_;
  std::vector<ContentExtent> extents_;
  std::size_t next_in_part_ = 0;
  std::uint64_t left_;
  bool after_hole_ = false;
};

/// The entry of that name, if there is one. Fetches few parts of a large directory.
std::optional<Node> find_child(MetadataSource& source, const Reference& directory,
                               std::string_view name);

/// The entry at an absolute path below `root`, which "/" gives itself; symlinks are not followed.
/// Nothing if there is no such entry, or what is on the way is no directory or could not be read.
std::optional<Node> find_path(MetadataSource& source, const Node& root, std::string_view path);

}  // namespace coppice
