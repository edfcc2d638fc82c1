#pragma once
#include <string>
#include <string_view>

namespace coppice {

/// True if `bytes` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

/// Some editors begin a UTF-8 text with it; it is no part of the text.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// A name or path for a terminal: control characters, backslash and bytes that are not UTF-8 become
/// \n, \t, \\ or \xNN, so that a hostile name can neither move the cursor nor forge a line.
std::string escape_for_display(std::string_view bytes);

/// Standard base64 (RFC 4648) with padding.
std::string to_base64(std::string_view bytes);
/// Decodes base64; false if `text` is not canonical base64.
bool from_base64(std::string_view text, std::string& out);

}  // namespace coppice
