#pragma once
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "repo/header.h"

namespace coppice {

/// The plain text of `readme.txt` for whoever finds the directory in thirty years. `program` writes
/// it ("coppice 0.1.0"). Its last line is `BLAKE3 of the lines above: ` and that hash in hex.
std::string make_readme(const Header& header, std::string_view program);

/// True if the last line holds the hash of all bytes before that line. Accidents only: it proves
/// nothing against an attacker.
bool is_readme_intact(ByteView text);

}  // namespace coppice
