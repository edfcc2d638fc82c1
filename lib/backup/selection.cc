#include "backup/selection.h"

#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "fs/fd.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

bool is_marked_by(int directory, const Selection::IfPresent& marker) {
  const std::optional<Metadata> found = try_stat_at(directory, marker.name.c_str());
  if (!found || marker.header.empty()) return found.has_value();
  if (found->type != FileType::regular) return false;  // opening a device may do something
  const SourceFile file = open_for_reading_at(directory, marker.name.c_str());
  Bytes start(marker.header.size());
  start.resize(read_at(file.fd.get(), start, 0));
  return as_text(start) == marker.header;
}

/// True if the pattern matches because of what lies below the source, not because of the source.
bool matches_below(const Pattern& pattern, const Selection::EntryPath& entry) {
  if (!pattern.matches(entry.path)) return false;
  const std::string_view source = entry.path.substr(0, entry.source_length);
  if (source.size() <= 1 || !pattern.matches(source)) return true;
  return !pattern.is_absolute() && pattern.matches(entry.path.substr(entry.source_length));
}

}  // namespace

void Selection::add_exclude(std::string_view pattern, bool ignore_case) {
  patterns_.emplace_back(pattern, ignore_case);
}

void Selection::add_if_present(IfPresent marker) {
  const std::string& name = marker.name;
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    throw Error(ErrorKind::usage, "\"" + escape_for_display(name) + "\" is not a file name");
  }
  markers_.push_back(std::move(marker));
}

bool Selection::excludes_path(EntryPath entry) const {
  bool is_excluded = false;
  for (const Pattern& pattern : patterns_) {
    // The last pattern that matches decides, so only those that would change the verdict are tried.
    if (pattern.is_negated() == is_excluded && matches_below(pattern, entry)) {
      is_excluded = !is_excluded;
    }
  }
  return is_excluded;
}

bool Selection::excludes(EntryPath entry, int directory, const char* name,
                         const Metadata& metadata) const {
  if (excludes_path(entry)) return true;
  const bool is_file = metadata.type == FileType::regular;
  if (larger_than_ && is_file && metadata.size > *larger_than_) return true;
  return exclude_nodump_ && has_nodump_flag(directory, name);
}

std::optional<std::string> Selection::marked_by(int directory) const {
  for (const IfPresent& marker : markers_) {
    try {
      if (is_marked_by(directory, marker)) return marker.name;
    } catch (const Error&) {  // per item: a marker that cannot be read marks nothing
      continue;
    }
  }
  return std::nullopt;
}

}  // namespace coppice
