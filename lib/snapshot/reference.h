#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "snapshot/node.h"

/// How a long thing (a directory, a file's list of extents) is kept as many metadata chunks: parts
/// in order, named by list objects, named by one reference (docs/format.md, section 9).
namespace coppice {

/// Where metadata chunks go.
class MetadataSink {
 public:
  virtual ~MetadataSink() = default;
  /// Stores one chunk of at most kMaxMetadataChunkBytes, unless it is stored already, and returns
  /// its id.
  virtual Id put(ByteView encoded) = 0;
};

/// Where metadata chunks come from. Thread-safe.
class MetadataSource {
 public:
  virtual ~MetadataSource() = default;
  /// The chunk's bytes, checked against the id. Throws Error{damaged} if it is not to be had.
  virtual Bytes get(const Id& id) = 0;
};

/// True if a sequence of ids or extents may be cut after `id` so that versions of it cut alike: one
/// id in 64, as ids are evenly distributed.
inline bool is_cut_id(const Id& id) { return id.bytes[0] < 4; }
/// A sequence is cut at a cut id from this many items on …
inline constexpr std::size_t kMinCutItems = 1024;
/// … and anywhere at this many.
inline constexpr std::size_t kMaxCutItems = 8192;

/// Collects the ids of parts in order and names them all by one reference. Memory: at most
/// kMaxCutItems ids a level. Not thread-safe.
class ReferenceWriter {
 public:
  explicit ReferenceWriter(MetadataSink& sink) : sink_(sink) {}

  void add(const Id& part);
  bool is_empty() const { return levels_.empty(); }
  /// Requires at least one part. Throws Error{failed} for more parts than kMaxReferenceLevels hold
  /// (a thousand million at least).
  Reference finish();

 private:
  struct Level {
    std::vector<Id> ids;     // not yet in a list
    bool has_lists = false;  // there are lists of this level's ids already
  };

  void add_to(std::size_t level, const Id& id);
  void put_list(std::size_t level);

  MetadataSink& sink_;
  std::vector<Level> levels_;
};

/// Streams the parts that a reference names, in order. Memory: the lists on the way down, at most
/// 2 MiB a level. Does not look into the parts. Not thread-safe.
class PartCursor {
 public:
  struct Part {
    Id id;
    Bytes bytes;
  };

  PartCursor(MetadataSource& source, const Reference& reference);
  /// Throws Error{damaged} for a list that is broken, a part that is too large, and whatever
  /// MetadataSource::get throws.
  std::optional<Part> next();

 private:
  struct Level {
    std::vector<Id> ids;
    std::size_t next = 0;
  };

  MetadataSource* source_;
  std::size_t depth_;
  std::vector<Level> path_;
};

/// The chunk's bytes, refused if there are more than any metadata chunk has.
Bytes get_metadata(MetadataSource& source, const Id& id);

/// Called with each id and the level it stands on; false ends the walk.
using VisitMetadata = std::function<bool(const Id& id, std::uint8_t levels)>;
/// Visits every metadata chunk that a reference passes through: each list object before what it
/// names, then the parts (levels 0), which are not fetched. Each id of a level is visited once,
/// however often it is named: that bounds the walk by what is really stored. A backup that reuses
/// a node asks so whether all of it is still there. True if no visit returned false. Throws as
/// PartCursor.
bool walk_reference(MetadataSource& source, const Reference& reference, const VisitMetadata& visit);

using VisitPart = std::function<void(const Id& id, ByteView bytes)>;
/// Fetches every part beneath a reference, each different one once, in order of first appearance.
void for_each_part(MetadataSource& source, const Reference& reference, const VisitPart& visit);

}  // namespace coppice
