#pragma once
#include <span>

#include "index/id_set.h"
#include "repo/chunk_writer.h"

namespace coppice {

/// Where a backup's chunks go: to the repository, or only into the count (dry run). Used by one
/// thread.
class ChunkSink {
 public:
  virtual ~ChunkSink() = default;
  /// True if the chunk was not stored before. The hints are ChunkWriter's.
  virtual bool put(ChunkClass chunk_class, const Id& id, ByteView bytes,
                   std::span<const BaseHint> hints) = 0;
  /// True if a `put` of this id would find it stored.
  virtual bool is_stored(const Id& id) const = 0;
  /// Tells that this id will be asked for soon; see Index::expect.
  virtual void expect(const Id& id) const = 0;
  virtual std::uint64_t raw_bytes() const = 0;
};

/// Stores chunks.
class StoringSink final : public ChunkSink {
 public:
  explicit StoringSink(ChunkWriter& writer) : writer_(writer) {}
  bool put(ChunkClass chunk_class, const Id& id, ByteView bytes,
           std::span<const BaseHint> hints) override {
    return writer_.put(chunk_class, id, bytes, hints);
  }
  bool is_stored(const Id& id) const override { return writer_.is_stored(id); }
  void expect(const Id& id) const override { writer_.expect(id); }
  std::uint64_t raw_bytes() const override { return writer_.raw_bytes(); }

 private:
  ChunkWriter& writer_;
};

/// Counts what would be stored.
class DryRunSink final : public ChunkSink {
 public:
  explicit DryRunSink(const Index& index) : index_(index) {}
  bool put(ChunkClass, const Id& id, ByteView bytes, std::span<const BaseHint>) override {
    if (is_stored(id)) return false;
    seen_.insert(id);
    raw_bytes_ += bytes.size();
    return true;
  }
  bool is_stored(const Id& id) const override { return index_.is_stored(id) || seen_.contains(id); }
  void expect(const Id& id) const override { index_.expect(id); }
  std::uint64_t raw_bytes() const override { return raw_bytes_; }

 private:
  const Index& index_;
  IdSet seen_;
  std::uint64_t raw_bytes_ = 0;
};

}  // namespace coppice
