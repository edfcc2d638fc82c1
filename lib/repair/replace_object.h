#pragma once
#include "repo/log_entry.h"
#include "repo/side_file.h"
#include "store/store.h"

namespace coppice {

/// Writes a file anew: beside the damaged one, under a temporary name; compared with `hash` while
/// it is written and once more as read back; synced; and only then renamed over it, at once, so
/// that at every instant either the damaged bytes or the proved ones are there (decision 0030).
/// Returns the bytes written. Throws Error{damaged} if `read` does not give what the hash says;
/// then nothing has changed.
std::uint64_t replace_object(Store& store, const std::string& file, const Id& hash,
                             std::uint64_t length, const ReadObject& read);

/// Reads a file of the store.
ReadObject reader_of(Store& store, const std::string& file);

}  // namespace coppice
