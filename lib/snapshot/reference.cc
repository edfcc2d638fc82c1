#include "snapshot/reference.h"

#include <array>
#include <string>
#include <unordered_set>

#include "base/error.h"
#include "snapshot/content_codec.h"

namespace coppice {
namespace {

std::vector<Id> get_list(MetadataSource& source, const Id& id) {
  return decode_list(get_metadata(source, id), "list " + id.short_hex());
}

/// One walk over all that a reference names.
class Walk {
 public:
  Walk(MetadataSource& source, const VisitMetadata& visit) : source_(source), visit_(visit) {}

  bool run(const Id& id, std::uint8_t levels) {
    if (!seen_.at(levels).insert(id).second) return true;
    if (!visit_(id, levels)) return false;
    if (levels == 0) return true;
    for (const Id& below : get_list(source_, id)) {
      if (!run(below, static_cast<std::uint8_t>(levels - 1))) return false;
    }
    return true;
  }

 private:
  MetadataSource& source_;
  const VisitMetadata& visit_;
  std::array<std::unordered_set<Id>, kMaxReferenceLevels + 1> seen_;
};

void check_levels(const Reference& reference) {
  if (reference.levels > kMaxReferenceLevels) throw_damaged("reference too deep");
}

}  // namespace

Bytes get_metadata(MetadataSource& source, const Id& id) {
  Bytes bytes = source.get(id);
  if (bytes.size() > kMaxMetadataChunkBytes) {
    throw_damaged("metadata chunk " + id.short_hex() + ": too large");
  }
  return bytes;
}

void ReferenceWriter::add(const Id& part) { add_to(0, part); }

void ReferenceWriter::add_to(std::size_t level, const Id& id) {
  if (level == levels_.size()) {
    if (level > kMaxReferenceLevels) throw Error(ErrorKind::failed, "too many parts");
    levels_.emplace_back();
  }
  // Cut before the next id, not after the last: so no list is left over empty.
  const std::vector<Id>& ids = levels_[level].ids;
  if (ids.size() >= kMaxCutItems || (ids.size() >= kMinCutItems && is_cut_id(ids.back()))) {
    put_list(level);
  }
  levels_[level].ids.push_back(id);
}

void ReferenceWriter::put_list(std::size_t level) {
  const Id list = sink_.put(encode_list(levels_[level].ids));
  levels_[level].ids.clear();
  levels_[level].has_lists = true;
  add_to(level + 1, list);
}

Reference ReferenceWriter::finish() {
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (!levels_[level].has_lists && levels_[level].ids.size() == 1) {
      const Reference reference{static_cast<std::uint8_t>(level), levels_[level].ids.front()};
      levels_.clear();
      return reference;
    }
    put_list(level);
  }
  throw Error(ErrorKind::failed, "a reference to no parts");
}

PartCursor::PartCursor(MetadataSource& source, const Reference& reference)
    : source_(&source), depth_(std::size_t{reference.levels} + 1) {
  check_levels(reference);
  path_.push_back({{reference.id}, 0});
}

std::optional<PartCursor::Part> PartCursor::next() {
  while (!path_.empty()) {
    Level& lowest = path_.back();
    if (lowest.next == lowest.ids.size()) {
      path_.pop_back();
      continue;
    }
    const Id id = lowest.ids[lowest.next++];
    if (path_.size() == depth_) return Part{id, get_metadata(*source_, id)};
    path_.push_back({get_list(*source_, id), 0});
  }
  return std::nullopt;
}

bool walk_reference(MetadataSource& source, const Reference& reference,
                    const VisitMetadata& visit) {
  check_levels(reference);
  return Walk(source, visit).run(reference.id, reference.levels);
}

void for_each_part(MetadataSource& source, const Reference& reference, const VisitPart& visit) {
  walk_reference(source, reference, [&](const Id& id, std::uint8_t levels) {
    if (levels == 0) visit(id, get_metadata(source, id));
    return true;
  });
}

}  // namespace coppice
