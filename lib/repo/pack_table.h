#pragma once
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

/// The table of a pack in the store; of a small one from the second copy if the first does not do.
/// Throws as open_table().
Bytes read_pack_table(Store& store, const Keyring& keyring, const Id& pack, std::uint64_t length);

/// The whole of an object whose name is the BLAKE3 of its bytes, from its second copy if the first
/// does not do. Throws Error{damaged}.
Bytes read_named_object(Store& store, const std::string& object, const Id& name,
                        std::uint64_t max_bytes);

}  // namespace coppice
