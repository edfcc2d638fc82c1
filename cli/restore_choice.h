#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "restore/restore.h"

namespace coppice {

/// What -i and -e of `restore` make of an entry: with includes only what one of them matches, and
/// never what an exclude matches; patterns are those of `backup`. Empty if there are none. Throws
/// Error{usage} as Pattern does.
std::function<RestoreChoice(std::string_view path, bool is_directory)> make_restore_choice(
    const std::vector<std::string>& includes, const std::vector<std::string>& excludes);

}  // namespace coppice
