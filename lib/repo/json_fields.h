#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace coppice {

/// Reads members of an object that nobody vouches for: each call throws Error{damaged} if the
/// member is missing, of another type or out of range. Views the object, which must outlive it.
/// Members not asked for are ignored.
class JsonFields {
 public:
  /// Throws Error{damaged} unless `value` is an object.
  JsonFields(const nlohmann::json& value, std::string_view what);

  const std::string& text(const char* name) const;
  /// A whole number from 0 to `max`.
  std::uint64_t number(const char* name, std::uint64_t max) const;
  std::vector<std::string> texts(const char* name) const;
  const nlohmann::json& list(const char* name) const;
  JsonFields object(const char* name) const;
  /// Exactly 2 × FixedIdType::kSize lower-case hex digits.
  template <typename FixedIdType>
  FixedIdType id(const char* name) const {
    FixedIdType id;
    hex(name, id.bytes);
    return id;
  }
  /// Exactly 2 × out.size() lower-case hex digits.
  void hex(const char* name, MutableByteView out) const;
  /// Any number of bytes in lower-case hex.
  Bytes hex(const char* name) const;
  /// Bytes in canonical base64 (RFC 4648, with padding), at most `max`.
  Bytes base64(const char* name, std::size_t max) const;
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  const nlohmann::json& member(const char* name) const;

  const nlohmann::json& object_;
  std::string_view what_;
};

/// Decodes a JSON value that must be a base64 text of at most `max` bytes; Error{damaged}
/// otherwise.
Bytes base64_value(const nlohmann::json& value, std::string_view what, std::size_t max);

/// Throws an Error of kind `if_other` unless `format` is what `fields` says it is, and
/// Error{newer_version} for a version above `newest`. Returns the version (at least 1).
std::uint32_t check_format(const JsonFields& fields, std::string_view format, std::uint32_t newest,
                           ErrorKind if_other = ErrorKind::damaged);

}  // namespace coppice
