#pragma once
#include "repo/chunk_reader.h"
#include "snapshot/reference.h"

namespace coppice {

/// Metadata chunks as they are stored in a repository. Thread-safe.
class StoredMetadata final : public MetadataSource {
 public:
  explicit StoredMetadata(ChunkReader& chunks) : chunks_(chunks) {}
  Bytes get(const Id& id) override { return chunks_.get(ChunkClass::metadata, id); }

 private:
  ChunkReader& chunks_;
};

}  // namespace coppice
