#pragma once
#include "index/id_set.h"
#include "repo/chunk_writer.h"

namespace coppice {

/// Where a backup's chunks go: to the repository, or only into the count (dry run). Used by one
/// thread.
class ChunkSink {
 public:
  virtual ~ChunkSink() = default;
  /// True if the chunk was not stored before.
  virtual bool put(ChunkClass chunk_class, const Id& id, ByteView bytes) = 0;
  virtual std::uint64_t raw_bytes() const = 0;
};

/// Stores chunks.
class StoringSink final : public ChunkSink {
 public:
  explicit StoringSink(ChunkWriter& writer) : writer_(writer) {}
  bool put(ChunkClass chunk_class, const Id& id, ByteView bytes) override {
    return writer_.put(chunk_class, id, bytes);
  }
  std::uint64_t raw_bytes() const override { return writer_.raw_bytes(); }

 private:
  ChunkWriter& writer_;
};

/// Counts what would be stored.
class DryRunSink final : public ChunkSink {
 public:
  explicit DryRunSink(const Index& index) : index_(index) {}
  bool put(ChunkClass, const Id& id, ByteView bytes) override {
    if (index_.is_stored(id) || !seen_.insert(id)) return false;
    raw_bytes_ += bytes.size();
    return true;
  }
  std::uint64_t raw_bytes() const override { return raw_bytes_; }

 private:
  const Index& index_;
  IdSet seen_;
  std::uint64_t raw_bytes_ = 0;
};

}  // namespace coppice
