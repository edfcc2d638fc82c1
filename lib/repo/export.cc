#include "repo/export.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "repo/checked_json.h"
#include "repo/json_fields.h"

namespace coppice {
namespace {

constexpr std::string_view kExportFormat = "coppice header export";
constexpr std::uint32_t kExportVersion = 1;
constexpr std::size_t kMaxPartBytes = 1 * kMiB;

std::string base64_of(const Bytes& bytes) {
  if (bytes.size() > kMaxPartBytes) {
    throw Error(ErrorKind::failed, "header export: a file of more than 1 MiB");
  }
  return to_base64(as_text(bytes));
}

}  // namespace

std::string encode_export(const HeaderExport& content) {
  nlohmann::ordered_json json;
  json["format"] = kExportFormat;
  json["version"] = kExportVersion;
  json["repository_id"] = content.repository_id.hex();
  json["header"] = base64_of(content.header);
  json["slots"] = nlohmann::ordered_json::array();
  for (const auto& [name, data] : content.slots) {
    nlohmann::ordered_json slot;
    slot["name"] = name;
    slot["data"] = base64_of(data);
    json["slots"].push_back(std::move(slot));
  }
  json["log"] = nlohmann::ordered_json::array();
  for (const Bytes& entry : content.log) json["log"].push_back(base64_of(entry));

  std::string text = write_checked_json(json);
  // Values: per slot an object with two members, per entry one, and a handful around them.
  const std::size_t values = 3 * content.slots.size() + content.log.size() + 16;
  if (text.size() > kMaxExportBytes || values > kMaxJsonValues) {
    throw Error(ErrorKind::failed, "header export: more than 16 MiB or too many entries");
  }
  return text;
}

HeaderExport decode_export(ByteView text) {
  constexpr std::string_view what = "header export";
  const nlohmann::json json = parse_checked_json(text, what, kMaxExportBytes);
  const JsonFields fields(json, what);
  check_format(fields, kExportFormat, kExportVersion);
  HeaderExport content;
  content.repository_id = fields.id<Id>("repository_id");
  content.header = fields.base64("header", kMaxPartBytes);
  std::set<std::string> names;
  for (const nlohmann::json& value : fields.list("slots")) {
    const JsonFields slot(value, what);
    const std::string name = slot.id<SlotId>("name").hex();
    if (!names.insert(name).second) slot.fail("two slots of one name");
    content.slots.emplace_back(name, slot.base64("data", kMaxPartBytes));
  }
  for (const nlohmann::json& value : fields.list("log")) {
    content.log.push_back(base64_value(value, what, kMaxPartBytes));
  }
  return content;
}

}  // namespace coppice
