#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"
#include "support/memory_store.h"

namespace coppice::test {

/// Records every change of the wrapped store, so that a test can have the store as a power cut
/// would leave it after any of them.
///
/// What a cut can lose follows the store contract: a commit or a successful put_if_absent is
/// durable when it returns; an upload that was not committed leaves nothing; a removal may come
/// undone until a later durable operation has synced the same directory. A cut within an operation
/// leaves the state before it or after it. The wrapped store must outlive it, and must be changed
/// only through it.
class RecordingStore : public Store {
 public:
  struct Operation {
    enum class Kind { put, put_if_absent, remove };
    Kind kind = Kind::put;
    std::string name;
    Bytes bytes;  ///< what was stored; empty for a removal
  };

  /// Starts from what the wrapped store holds now.
  explicit RecordingStore(Store& inner);

  /// The operations that changed something, in order.
  std::vector<Operation> operations() const;
  /// Which of the first `count` operations a cut right after them may undo.
  std::vector<std::size_t> unsynced_after(std::size_t count) const;
  /// The store after the first `count` operations, without those in `dropped`, a subset of
  /// `unsynced_after(count)`.
  std::unique_ptr<MemoryStore> state_after(std::size_t count,
                                           const std::set<std::size_t>& dropped = {}) const;

  std::unique_ptr<Upload> begin_upload() override;
  bool put_if_absent(const std::string& name, ByteView bytes) override;
  std::optional<std::uint64_t> size(const std::string& name) override { return inner_.size(name); }
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override {
    inner_.read(name, offset, out);
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override { return inner_.list(prefix); }
  bool remove(const std::string& name) override;
  std::string description() const override { return inner_.description(); }

 private:
  class RecordingUpload;

  Store& inner_;
  MemoryStore::Objects start_;
  mutable std::mutex
      mutex_;  // held over each change, so that the record has the order in which they took effect
  std::vector<Operation> operations_;
};

}  // namespace coppice::test
