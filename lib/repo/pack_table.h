#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/id.h"
#include "repo/keyring.h"
#include "repo/side_file.h"
#include "store/store.h"

namespace coppice {

/// Reads and opens the signed table of a pack of `length` bytes. The signature is still to be
/// judged. Throws Error{damaged}, also for an epoch that the log does not know;
/// Error{newer_version}.
Bytes open_table(const Keyring& keyring, std::uint64_t length, const ReadObject& read);

/// The table of a small pack (below kParityFromBytes) in this file of it, if the file has the bytes
/// of the pack's name. Nothing binds a table to its pack: another pack's file in this one's place
/// would open as well, and its chunks would stand for those that are in the second copy.
std::optional<Bytes> try_table_of_whole_file(Store& store, const Keyring& keyring,
                                             const std::string& file, const Id& pack,
                                             std::uint64_t length);

/// The table of a pack in the store; of a small one from whichever of its two files is whole, or
/// else from one whose table opens. Throws as open_table().
Bytes read_pack_table(Store& store, const Keyring& keyring, const Id& pack, std::uint64_t length);

/// The whole of an object whose name is the BLAKE3 of its bytes, from its second copy if the first
/// does not do. Throws Error{damaged}.
Bytes read_named_object(Store& store, const std::string& object, const Id& name,
                        std::uint64_t max_bytes);

}  // namespace coppice
