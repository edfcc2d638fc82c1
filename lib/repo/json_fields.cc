#include "repo/json_fields.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace coppice {

using nlohmann::json;

JsonFields::JsonFields(const json& value, std::string_view what) : object_(value), what_(what) {
  if (!value.is_object()) fail("not an object");
}

void JsonFields::fail(const std::string& reason) const {
  throw_damaged(std::string(what_) + ": " + reason);
}

const json& JsonFields::member(const char* name) const {
  const auto found = object_.find(name);
  if (found == object_.end()) fail(std::string(name) + " is missing");
  return *found;
}

const std::string& JsonFields::text(const char* name) const {
  const json& value = member(name);
  if (!value.is_string()) fail(std::string(name) + " is not a text");
  return value.get_ref<const std::string&>();
}

std::uint64_t JsonFields::number(const char* name, std::uint64_t max) const {
  const json& value = member(name);
  // Numbers with a sign, a fraction or an exponent, and those above 64 bits, are of other kinds.
  if (!value.is_number_unsigned()) fail(std::string(name) + " is not a whole number");
  const auto number = value.get<std::uint64_t>();
  if (number > max) fail(std::string(name) + " is out of range");
  return number;
}

std::vector<std::string> JsonFields::texts(const char* name) const {
  std::vector<std::string> texts;
  for (const json& value : list(name)) {
    if (!value.is_string()) fail(std::string(name) + " holds something else than texts");
    texts.push_back(value.get_ref<const std::string&>());
  }
  return texts;
}

const json& JsonFields::list(const char* name) const {
  const json& value = member(name);
  if (!value.is_array()) fail(std::string(name) + " is not a list");
  return value;
}

JsonFields JsonFields::object(const char* name) const {
  const json& value = member(name);
  if (!value.is_object()) fail(std::string(name) + " is not an object");
  return {value, what_};
}

void JsonFields::hex(const char* name, MutableByteView out) const {
  if (!from_hex(text(name), out)) fail(std::string(name) + " is not hex of the right length");
}

Bytes JsonFields::hex(const char* name) const {
  const std::string& digits = text(name);
  Bytes bytes(digits.size() / 2);
  if (!from_hex(digits, bytes)) fail(std::string(name) + " is not hex");
  return bytes;
}

Bytes JsonFields::base64(const char* name, std::size_t max) const {
  return base64_value(member(name), std::string(what_) + ": " + name, max);
}

Bytes base64_value(const json& value, std::string_view what, std::size_t max) {
  std::string decoded;
  if (!value.is_string() || !from_base64(value.get_ref<const std::string&>(), decoded)) {
    throw_damaged(std::string(what) + ": not base64");
  }
  if (decoded.size() > max) throw_damaged(std::string(what) + ": too large");
  return to_bytes(as_bytes(decoded));
}

std::uint32_t check_format(const JsonFields& fields, std::string_view format, std::uint32_t newest,
                           ErrorKind if_other) {
  if (fields.text("format") != format) {
    throw Error(if_other, "this is no " + std::string(format));
  }
  const std::uint64_t version = fields.number("version", std::numeric_limits<std::uint64_t>::max());
  if (version == 0) fields.fail("version is out of range");
  if (version > newest) {
    throw Error(ErrorKind::newer_version, std::string(format) + " of version " +
                                              std::to_string(version) +
                                              ": written by a newer coppice; update this program");
  }
  return static_cast<std::uint32_t>(version);
}

}  // namespace coppice
