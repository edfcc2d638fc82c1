#include "base/text.h"

#include <array>
#include <cstdint>

namespace coppice {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint8_t byte_at(std::string_view bytes, std::size_t i) {
  return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : std::uint8_t{0};
}

/// Length of the well-formed UTF-8 sequence at `i` (Unicode 15, table 3-7), 0 if there is none.
std::size_t utf8_length(std::string_view bytes, std::size_t i) {
  const auto tail = [&](std::size_t k, int low = 0x80, int high = 0xBF) {
    const int b = byte_at(bytes, i + k);
    return i + k < bytes.size() && b >= low && b <= high;
  };
  const int lead = byte_at(bytes, i);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const int low = lead == 0xE0 ? 0xA0 : 0x80;
    const int high = lead == 0xED ? 0x9F : 0xBF;
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const int low = lead == 0xF0 ? 0x90 : 0x80;
    const int high = lead == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void append_hex_escape(std::string& out, std::uint8_t byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

/// C1 controls (U+0080 … U+009F), which some terminals obey, are two bytes: C2 80 … C2 9F.
bool is_c1_control(std::string_view bytes, std::size_t i) {
  return byte_at(bytes, i) == 0xC2 && byte_at(bytes, i + 1) < 0xA0;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_length(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string escape_for_display(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_length(bytes, i);
    const std::uint8_t byte = byte_at(bytes, i);
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '\\') {
      out += "\\\\";
    } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
      append_hex_escape(out, byte);
    } else if (length == 2 && is_c1_control(bytes, i)) {
      append_hex_escape(out, byte);
      append_hex_escape(out, byte_at(bytes, i + 1));
    } else {
      out += bytes.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t word = static_cast<std::uint32_t>(byte_at(bytes, i)) << 16 |
                               static_cast<std::uint32_t>(byte_at(bytes, i + 1)) << 8 |
                               byte_at(bytes, i + 2);
    const std::size_t have = bytes.size() - i;
    out += kAlphabet[word >> 18];
    out += kAlphabet[word >> 12 & 63];
    out += have > 1 ? kAlphabet[word >> 6 & 63] : '=';
    out += have > 2 ? kAlphabet[word & 63] : '=';
  }
  return out;
}

bool from_base64(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t padding =
        !last ? 0U : (text[i + 3] != '=' ? 0U : (text[i + 2] != '=' ? 1U : 2U));
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int value = k >= 4 - padding ? 0 : base64_value(text[i + k]);
      if (value < 0) return false;
      word = word << 6 | static_cast<std::uint32_t>(value);
    }
    if ((padding == 1 && (word & 0xFF) != 0) || (padding == 2 && (word & 0xFFFF) != 0))
      return false;
    for (std::size_t k = 0; k < 3 - padding; ++k)
      out += static_cast<char>(word >> (16 - 8 * k) & 0xFF);
  }
  return true;
}

}  // namespace coppice
