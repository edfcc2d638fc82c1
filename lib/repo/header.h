#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"

namespace coppice {

/// The newest version of the repository format that this program writes and reads.
inline constexpr std::uint32_t kFormatVersion = 1;

/// What a reader must know before it touches the repository. Names it does not know: `compatible`
/// are ignored, `read_only_compatible` forbid writing, `incompatible` forbid everything. No feature
/// exists yet.
struct FeatureNames {
  std::vector<std::string> compatible;
  std::vector<std::string> read_only_compatible;
  std::vector<std::string> incompatible;

  bool operator==(const FeatureNames&) const = default;
};

/// The plain file `header` (docs/format.md, section 3). A hint: nothing in it is trusted that a
/// signed log entry says too.
struct Header {
  Id repository_id;
  std::uint32_t version = kFormatVersion;
  std::string created_by;  ///< program and version, UTF-8, for people
  FeatureNames features;

  bool operator==(const Header&) const = default;
};

/// The JSON text of the header. Bytes that are not UTF-8 are replaced.
std::string encode_header(const Header& header);

/// Throws Error{no_repository} if the bytes are no coppice header at all, Error{damaged} if they
/// are an altered one, Error{newer_version} for a higher version or an unknown incompatible
/// feature.
Header decode_header(ByteView bytes);

/// True if the repository may be read but not written by this program: an unknown
/// read-only-compatible feature.
bool is_read_only(const Header& header);

}  // namespace coppice
