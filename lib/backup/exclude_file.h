#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// The file that marks a directory as a cache, and how it starts
/// (https://bford.info/cachedir/, "Cache Directory Tagging Specification").
inline constexpr std::string_view kCacheTagName = "CACHEDIR.TAG";
inline constexpr std::string_view kCacheTagHeader = "Signature: 8a477f597d28d172789f06886806bc55";

/// The value of an environment variable. For an unset one the caller chooses: empty (what restic
/// takes; "$CACHE/" then becomes "/" and leaves everything out) or an Error{usage}.
using VariableLookup = std::function<std::string(const std::string& name)>;

/// The lines of a list that people write, without white space around, empty lines and those that
/// start with '#'; a byte order mark in front is skipped. Views into `text`.
std::vector<std::string_view> significant_lines(std::string_view text);

/// The patterns of an --exclude-file, in order, one to a significant line. $NAME and ${NAME} are
/// replaced by `value_of`, once, and $$ by a dollar sign; any other '$' stays (restic drops "$*"
/// and the like, which makes "~$*.docx" useless). Lines that only variables made empty are left
/// out. Throws Error{usage} for "${" without a name and a closing brace.
std::vector<std::string> parse_exclude_lines(std::string_view text, const VariableLookup& value_of);

}  // namespace coppice
