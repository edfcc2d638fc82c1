#pragma once
#include <functional>
#include <optional>

#include "parity/geometry.h"
#include "repo/log_entry.h"
#include "store/store.h"

namespace coppice {

/// What stands beside an object of this length: a second copy if it is small, else parity if the
/// repository has any (docs/format.md, section 2).
Side side_for(std::uint64_t length, const std::optional<ParityGeometry>& parity);

/// Fills a view with the object's bytes from an offset.
using ReadObject = std::function<void(std::uint64_t offset, MutableByteView out)>;

/// Writes the second copy or the parity file of object `name` (its BLAKE3 is `hash`), durable on
/// return. Reads the object once, in pieces.
void write_side_file(Store& store, const std::string& name, const Id& hash, std::uint64_t length,
                     Side side, const std::optional<ParityGeometry>& parity,
                     const ReadObject& read);

/// Stores a small named object and its side file: the object first. `bytes` hash to `hash`.
Side put_with_side(Store& store, const std::string& name, ByteView bytes,
                   const std::optional<ParityGeometry>& parity);

}  // namespace coppice
