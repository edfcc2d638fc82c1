#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace coppice {

/// Members stay in the order in which they were added: message_type comes first.
using Json = nlohmann::ordered_json;

/// Of the JSON that the program prints, not of the repository.
inline constexpr int kJsonSchemaVersion = 1;

/// {"message_type": type, "schema_version": 1}
Json make_message(std::string_view type);

/// Sets `key` to the name. Bytes that are not UTF-8 stand escaped, and exactly in `key`_b64.
void set_name(Json& object, const std::string& key, std::string_view bytes);
/// The same for a list of names; `key`_b64 is there if one of them is not UTF-8, and then holds
/// all.
void set_names(Json& object, const std::string& key, const std::vector<std::string>& names);

/// RFC 3339 with nanoseconds, in the machine's time zone.
std::string json_time(Timestamp time);

/// One line, without the line feed; never throws for bytes that are not UTF-8.
std::string to_line(const Json& value);

}  // namespace coppice
