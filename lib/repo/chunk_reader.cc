#include "repo/chunk_reader.h"

#include <optional>

#include "base/error.h"

namespace coppice {

std::shared_ptr<const Bytes> ChunkReader::Cache::find(std::uint64_t key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->block;
}

void ChunkReader::Cache::insert(std::uint64_t key, std::shared_ptr<const Bytes> block) {
  if (by_key_.contains(key)) return;
  size_ += block->size();
  entries_.push_front({key, std::move(block)});
  by_key_[key] = entries_.begin();
  while (size_ > capacity_ && entries_.size() > 1) {
    size_ -= entries_.back().block->size();
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::shared_ptr<const Bytes> ChunkReader::block_of(const ChunkPlace& place) {
  const std::uint64_t key = place.block_key();
  if (auto cached = cache_.with([&](Cache& cache) { return cache.find(key); })) return cached;
  auto block = std::make_shared<const Bytes>(blocks_.read(place));
  cache_.with([&](Cache& cache) { cache.insert(key, block); });
  return block;
}

Bytes ChunkReader::get(ChunkClass chunk_class, const Id& id) {
  std::optional<Error> first_error;
  for (const ChunkPlace& place : blocks_.index().find(id)) {
    try {
      const auto block = block_of(place);
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
  if (first_error) throw *first_error;
  throw_damaged("chunk " + id.short_hex() + " is missing: no readable pack holds it");
}

}  // namespace coppice
