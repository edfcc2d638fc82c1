#include "repo/checked_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/id.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

using nlohmann::json;

constexpr std::string_view kChecksumKey = "\"checksum\"";

/// Walks a text without building anything and refuses what would cost too much to build or could be
/// read in two ways: deep nesting, very many values, two members of one name.
class LimitCheck : public nlohmann::json_sax<json> {
 public:
  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override { return names_.back().insert(name).second; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  bool count() { return ++values_ <= kMaxJsonValues; }
  bool open() {
    names_.emplace_back();
    return count() && names_.size() <= kMaxJsonDepth;
  }
  bool close() {
    names_.pop_back();
    return true;
  }

  std::size_t values_ = 0;
  std::vector<std::set<std::string>> names_;
};

/// Takes bytes from the front of a text; every `take` is false if they are not there.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  bool take(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_hex(MutableByteView out) {
    const std::string_view digits = rest_.substr(0, 2 * out.size());
    rest_.remove_prefix(digits.size());
    return from_hex(digits, out);
  }
  Cursor& after_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size()));
    return *this;
  }
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// The grammar of the tail is checked by hand: nothing in it is covered by the checksum, so nothing
/// in it may carry meaning.
bool is_checksum_right(std::string_view text) {
  const std::size_t key = text.rfind(kChecksumKey);
  if (key == text.npos) return false;
  Id said;
  Cursor tail(text.substr(key + kChecksumKey.size()));
  if (!tail.after_space().take(':') || !tail.after_space().take('"')) return false;
  if (!tail.take_hex(said.bytes) || !tail.take('"')) return false;
  if (!tail.after_space().take('}') || !tail.after_space().is_at_end()) return false;
  return blake3(as_bytes(text.substr(0, key))) == said;
}

}  // namespace

std::string write_checked_json(const nlohmann::ordered_json& object) {
  std::string text = object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize(text.size() - std::string_view("\n}").size());
  text += ",\n  ";
  const Id checksum = blake3(as_bytes(text));
  return text + std::string(kChecksumKey) + ": \"" + checksum.hex() + "\"\n}\n";
}

json parse_checked_json(ByteView bytes, std::string_view what, std::size_t max_bytes) {
  const std::string_view text = as_text(bytes);
  const auto require = [&](bool good, std::string_view reason) {
    if (!good) throw_damaged(std::string(what) + ": " + std::string(reason));
  };
  require(text.size() <= max_bytes, "too large");
  require(is_checksum_right(text), "the checksum is missing or wrong");
  LimitCheck limits;
  require(json::sax_parse(text, &limits), "not JSON, or too deeply nested, too long or ambiguous");
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  require(object.is_object(), "not a JSON object");
  return object;
}

}  // namespace coppice
