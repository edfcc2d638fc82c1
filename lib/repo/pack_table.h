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

/// The table of a pack in the store; of a damaged pack from the second copy or by the parity. Of a
/// small one a file that is whole counts before one whose table merely opens. `is_healed`, unless
/// null, tells whether it came from elsewhere than the pack. Throws as open_table().
Bytes read_pack_table(Store& store, const Keyring& keyring, const Id& pack, std::uint64_t length,
                      bool* is_healed = nullptr);

/// The whole of an index object, from its second copy or by its parity if its own bytes are not
/// what its name says. Throws Error{damaged}.
Bytes read_index_object(Store& store, const ObjectRef& object, bool* is_healed = nullptr);

}  // namespace coppice
