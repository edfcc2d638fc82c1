#pragma once
#include <map>
#include <mutex>
#include <string>

#include "store/store.h"

namespace coppice::test {

/// A store in memory. Copies of its contents are cheap enough to keep one per step of a test.
class MemoryStore : public Store {
 public:
  using Objects = std::map<std::string, Bytes>;

  MemoryStore() = default;
  explicit MemoryStore(Objects objects) : objects_(std::move(objects)) {}

  std::unique_ptr<Upload> begin_upload() override;
  bool put_if_absent(const std::string& name, ByteView bytes) override;
  std::optional<std::uint64_t> size(const std::string& name) override;
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override;
  std::vector<ObjectInfo> list(const std::string& prefix) override;
  bool remove(const std::string& name) override;
  std::string description() const override { return "memory"; }

  /// A copy of all objects.
  Objects objects() const;

 private:
  class MemoryUpload;

  mutable std::mutex mutex_;
  Objects objects_;
};

}  // namespace coppice::test
