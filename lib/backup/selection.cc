#include "backup/selection.h"

#include <fcntl.h>

#include "fs/fd.h"
#include "fs/metadata.h"

namespace coppice {

void Selection::add_exclude(std::string_view pattern, bool ignore_case) { patterns_.emplace_back(pattern, ignore_case); }

bool Selection::excludes(std::string_view recorded_path, int directory, const char* name,
                         const Metadata& metadata) const {
  bool is_excluded = false;
  for (const Pattern& pattern : patterns_) {
    // The last pattern that matches decides, so only those that would change the verdict are tried.
    if (pattern.is_negated() == is_excluded && pattern.matches(recorded_path)) is_excluded = !is_excluded;
  }
  if (is_excluded) return true;
  if (larger_than_ && metadata.type == FileType::regular && metadata.size > *larger_than_) return true;
  return exclude_nodump_ && has_nodump_flag(directory, name);
}

std::optional<std::string> Selection::marked_by(int directory) const {
  for (const IfPresent& marker : markers_) {
    const OpenResult opened = try_open_at(directory, marker.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (opened.errno_value != 0) continue;
    if (marker.header.empty()) return marker.name;
    Bytes start(marker.header.size());
    try {
      start.resize(read_at(opened.fd.get(), start, 0));
    } catch (const Error&) {  // per item: a marker that cannot be read marks nothing
      continue;
    }
    if (as_text(start) == marker.header) return marker.name;
  }
  return std::nullopt;
}

}  // namespace coppice
