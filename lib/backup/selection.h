#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/pattern.h"
#include "fs/metadata.h"

namespace coppice {

/// Which entries below the sources are left out. Explicitly named sources are never asked about.
/// Const use is thread-safe.
class Selection {
 public:
  struct IfPresent {
    std::string name;    ///< of the marking file
    std::string header;  ///< bytes it must start with; empty: any
  };

  /// Later patterns override earlier ones. Throws Error{usage} as Pattern does.
  void add_exclude(std::string_view pattern, bool ignore_case);
  /// Leaves out regular files whose size, as stat tells, is above this.
  void set_exclude_larger_than(std::uint64_t bytes) { larger_than_ = bytes; }
  /// Throws Error{usage} if the name is not that of an entry (empty, ".", "..", with a slash).
  void add_if_present(IfPresent marker);
  void set_exclude_nodump() { exclude_nodump_ = true; }

  /// An entry's recorded path, and how much of its front is the source that it was found below: a
  /// pattern that matches the source itself does not leave out what is below it, since the source
  /// was named.
  struct EntryPath {
    std::string_view path;
    std::size_t source_length = 0;
  };

  /// True if the entry is left out, with everything below it. `directory` and `name` are where it
  /// lies live. Does no I/O but with set_exclude_nodump; throws nothing.
  bool excludes(EntryPath entry, int directory, const char* name, const Metadata& metadata) const;
  /// The part of it that the patterns decide: for an entry of which nothing but the name is known,
  /// so that what cannot be read can be left out.
  bool excludes_path(EntryPath entry) const;

  /// If a directory is marked (CACHEDIR.TAG, --exclude-if-present): the name of the marking file,
  /// the only entry of the directory that is backed up. Without a header to compare, any type of
  /// entry marks; with one only a regular file does. What cannot be read marks nothing: better a
  /// directory too many than one too few.
  std::optional<std::string> marked_by(int directory) const;

 private:
  std::vector<Pattern> patterns_;
  std::optional<std::uint64_t> larger_than_;
  std::vector<IfPresent> markers_;
  bool exclude_nodump_ = false;
};

}  // namespace coppice
