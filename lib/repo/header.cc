#include "repo/header.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "repo/checked_json.h"
#include "repo/json_fields.h"

namespace coppice {
namespace {

constexpr std::string_view kHeaderFormat = "coppice repository";

/// Tells a damaged header from some other file. Two marks, far apart, so that damage in one place
/// leaves the other.
bool resembles_header(std::string_view text) {
  return text.find("coppice") != text.npos || text.find("repository_id") != text.npos;
}

}  // namespace

std::string encode_header(const Header& header) {
  nlohmann::ordered_json json;
  json["format"] = kHeaderFormat;
  json["version"] = header.version;
  json["repository_id"] = header.repository_id.hex();
  json["created_by"] = header.created_by;
  json["features"]["compatible"] = header.features.compatible;
  json["features"]["read_only_compatible"] = header.features.read_only_compatible;
  json["features"]["incompatible"] = header.features.incompatible;
  return write_checked_json(json);
}

Header decode_header(ByteView bytes) {
  if (!resembles_header(as_text(bytes))) {
    throw Error(ErrorKind::no_repository, "this is no coppice repository");
  }
  const nlohmann::json json = parse_checked_json(bytes, "header");
  const JsonFields fields(json, "header");
  Header header;
  header.version = check_format(fields, kHeaderFormat, kFormatVersion, ErrorKind::no_repository);
  const JsonFields features = fields.object("features");
  header.features.incompatible = features.texts("incompatible");
  if (!header.features.incompatible.empty()) {
    throw Error(ErrorKind::newer_version, "the repository needs the feature \"" +
                                              header.features.incompatible.front() +
                                              "\", which this program does not know; update it");
  }
  header.features.read_only_compatible = features.texts("read_only_compatible");
  header.features.compatible = features.texts("compatible");
  header.repository_id = fields.id<Id>("repository_id");
  header.created_by = fields.text("created_by");
  return header;
}

bool is_read_only(const Header& header) { return !header.features.read_only_compatible.empty(); }

}  // namespace coppice
