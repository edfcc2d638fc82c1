#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/stop.h"
#include "parity/parity_file.h"
#include "repo/log_entry.h"
#include "store/store.h"

namespace coppice {

/// Takes an object's bytes as they pass by, in order.
using UsePiece = std::function<void(std::uint64_t offset, ByteView piece)>;

/// How whole objects are read. Plain data; what it refers to is thread-safe.
struct ObjectReader {
  Store& store;
  /// A multiple of the parity sector; so much memory each object that is read takes.
  std::size_t piece_bytes;
  const StopFlag* stop;  ///< null: never stops
  std::function<void(std::uint64_t)> on_bytes;

  /// Streams `length` bytes. What the file does not have, or cannot be read, comes as zeros, so
  /// that the rest stays in its place; false if there was any. `available`: the file's size.
  bool stream(const std::string& file, std::uint64_t available, std::uint64_t length,
              const UsePiece& use) const;

 private:
  bool fill(const std::string& file, std::uint64_t available, std::uint64_t offset,
            MutableByteView out) const;
};

/// "packs/3f/3f2a…" and so on.
std::string object_name(const ObjectRef& object);

/// The piece size with which this many workers stay within 64 MiB together: 1 to 4 MiB.
std::size_t piece_bytes_for(unsigned workers);

}  // namespace coppice
