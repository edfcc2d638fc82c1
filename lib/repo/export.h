#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/units.h"

namespace coppice {

/// The largest export that is written or read, bytes of text.
inline constexpr std::size_t kMaxExportBytes = 16 * kMiB;

/// What must survive off the disk for a repository to be opened again: the files `header` and
/// `slots/…`, verbatim, and the root-signed log entries (docs/format.md, section 3). Holds no
/// secret in the clear.
struct HeaderExport {
  Id repository_id;
  Bytes header;  ///< at most 1 MiB
  std::vector<std::pair<std::string, Bytes>>
      slots;               ///< file name (32 hex digits) and file, ≤ 1 MiB
  std::vector<Bytes> log;  ///< whole entries, oldest first, ≤ 1 MiB each

  bool operator==(const HeaderExport&) const = default;
};

/// Throws Error{failed} if it would not fit the limits, which decode_export would then refuse.
std::string encode_export(const HeaderExport& content);

/// Judges the text only, not the files in it: each has a checksum or signature of its own. Slot
/// names are checked, so that they may be used as file names, and are distinct. Throws
/// Error{damaged}; Error{newer_version} for a higher version.
HeaderExport decode_export(ByteView text);

}  // namespace coppice
