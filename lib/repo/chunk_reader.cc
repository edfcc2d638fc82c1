#include "repo/chunk_reader.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "repo/moved_chunks.h"

namespace coppice {

Bytes ChunkReader::get(ChunkClass chunk_class, const Id& id) {
  std::optional<Error> first_error;
  for (const ChunkPlace& place : blocks_.index().find(id)) {
    try {
      const BlockCache::Block block = blocks_.read_cached(place);
      if (place.offset + std::uint64_t{place.length} > block->size())
        throw_damaged("index points outside a block");
      const ByteView bytes = ByteView(*block).subspan(place.offset, place.length);
      if (keyring_.identity(chunk_class).id(bytes) == id) return to_bytes(bytes);
      throw_damaged("pack " + place.pack_record().name.short_hex() +
                    ": a chunk is not what its id says");
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      if (!first_error) first_error = error;
    }
  }
  if (moved_ != nullptr) {
    if (auto bytes = moved_->find(chunk_class, id, blocks_.index())) return std::move(*bytes);
  }
  if (first_error) throw *first_error;
  throw_damaged("chunk " + id.short_hex() + " is missing: no readable pack holds it");
}

}  // namespace coppice
