#pragma once
#include <string>
#include <string_view>

namespace coppice {

/// A short hash of `text` in hex (64-bit FNV-1a): tells names apart, is no protection.
std::string name_hash(std::string_view text);

/// A fresh name for an unfinished file: "<host>-<pid>-<random>", in hex, where host is a hash of
/// /etc/machine-id, or else of the host's name.
std::string make_temporary_name();
/// True if `name` was made on this host and by a process that is not seen alive here, or by this
/// process. Another container of this host may still be its owner: only the lock on the file tells.
bool may_be_stale(std::string_view name);

}  // namespace coppice
