#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/pattern.h"
#include "fs/metadata.h"

namespace coppice {

/// Which entries below the sources are left out. Explicitly named sources are never asked about. Const use is
/// thread-safe.
class Selection {
 public:
  struct IfPresent {
    std::string name;    ///< of the marking file
    std::string header;  ///< bytes it must start with; empty: any
  };

  void add_exclude(std::string_view pattern, bool ignore_case);
  void set_exclude_larger_than(std::uint64_t bytes) { larger_than_ = bytes; }
  void add_if_present(IfPresent marker) { markers_.push_back(std::move(marker)); }
  void set_exclude_nodump() { exclude_nodump_ = true; }

  /// True if the entry at this recorded path is left out, with everything below it. `directory` and `name` are where it
  /// lies live.
  bool excludes(std::string_view recorded_path, int directory, const char* name, const Metadata& metadata) const;

  /// If a directory is marked (CACHEDIR.TAG, --exclude-if-present): the name of the marking file, the only entry of the
  /// directory that is backed up.
  std::optional<std::string> marked_by(int directory) const;

 private:
  std::vector<Pattern> patterns_;
  std::optional<std::uint64_t> larger_than_;
  std::vector<IfPresent> markers_;
  bool exclude_nodump_ = false;
};

}  // namespace coppice
