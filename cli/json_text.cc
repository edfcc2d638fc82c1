#include "json_text.h"

#include <algorithm>

#include "base/text.h"

namespace coppice {

Json make_message(std::string_view type) {
  Json message;
  message["message_type"] = type;
  message["schema_version"] = kJsonSchemaVersion;
  return message;
}

void set_name(Json& object, const std::string& key, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[key] = bytes;
    return;
  }
  object[key] = escape_for_display(bytes);
  object[key + "_b64"] = to_base64(bytes);
}

void set_names(Json& object, const std::string& key, const std::vector<std::string>& names) {
  const bool is_text = std::all_of(names.begin(), names.end(),
                                   [](const std::string& name) { return is_utf8(name); });
  Json shown = Json::array();
  Json exact = Json::array();
  for (const std::string& name : names) {
    shown.push_back(is_utf8(name) ? name : escape_for_display(name));
    exact.push_back(to_base64(name));
  }
  object[key] = std::move(shown);
  if (!is_text) object[key + "_b64"] = std::move(exact);
}

std::string json_time(Timestamp time) {
  return format_rfc3339(time, local_utc_offset_minutes(time));
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace coppice
