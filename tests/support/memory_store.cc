#include "support/memory_store.h"

#include <algorithm>

#include "base/error.h"

namespace coppice::test {

class MemoryStore::MemoryUpload : public Store::Upload {
 public:
  explicit MemoryUpload(MemoryStore& store) : store_(store) {}

  void append(ByteView bytes) override { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void read_back(std::uint64_t offset, MutableByteView out) override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      throw Error(ErrorKind::failed, "read back beyond the end");
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  }
  std::uint64_t size() const override { return bytes_.size(); }
  void commit(const std::string& name) override {
    expect_object_name(name);
    const std::lock_guard lock(store_.mutex_);
    store_.objects_[name] = std::move(bytes_);
  }

 private:
  MemoryStore& store_;
  Bytes bytes_;
};

std::unique_ptr<Store::Upload> MemoryStore::begin_upload() {
  return std::make_unique<MemoryUpload>(*this);
}

bool MemoryStore::put_if_absent(const std::string& name, ByteView bytes) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  return objects_.try_emplace(name, bytes.begin(), bytes.end()).second;
}

std::optional<std::uint64_t> MemoryStore::size(const std::string& name) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) return std::nullopt;
  return found->second.size();
}

void MemoryStore::read(const std::string& name, std::uint64_t offset, MutableByteView out) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) throw_damaged(name + ": missing");
  const Bytes& bytes = found->second;
  if (offset > bytes.size() || out.size() > bytes.size() - offset) {
    throw_damaged(name + ": ends at " + std::to_string(bytes.size()));
  }
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
}

std::vector<ObjectInfo> MemoryStore::list(const std::string& prefix) {
  expect_list_prefix(prefix);
  const std::lock_guard lock(mutex_);
  std::vector<ObjectInfo> found;
  for (auto at = objects_.lower_bound(prefix); at != objects_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    found.push_back({at->first, at->second.size()});
  }
  return found;
}

bool MemoryStore::remove(const std::string& name) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  return objects_.erase(name) > 0;
}

MemoryStore::Objects MemoryStore::objects() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}

}  // namespace coppice::test
