#include "support/recording_store.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace coppice::test {
namespace {

std::string parent_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

}  // namespace

class RecordingStore::RecordingUpload : public Store::Upload {
 public:
  RecordingUpload(RecordingStore& store, std::unique_ptr<Upload> inner)
      : store_(store), inner_(std::move(inner)) {}

  void append(ByteView bytes) override {
    inner_->append(bytes);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void read_back(std::uint64_t offset, MutableByteView out) override {
    inner_->read_back(offset, out);
  }
  std::uint64_t size() const override { return inner_->size(); }
  void commit(const std::string& name) override {
    const std::lock_guard lock(store_.mutex_);
    inner_->commit(name);
    store_.operations_.push_back({Operation::Kind::put, name, std::move(bytes_)});
  }

 private:
  RecordingStore& store_;
  std::unique_ptr<Upload> inner_;
  Bytes bytes_;
};

RecordingStore::RecordingStore(Store& inner) : inner_(inner) {
  for (const ObjectInfo& object : inner.list("")) {
    start_[object.name] = inner.read_all(object.name, std::numeric_limits<std::uint64_t>::max());
  }
}

std::vector<RecordingStore::Operation> RecordingStore::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

std::vector<std::size_t> RecordingStore::unsynced_after(std::size_t count) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::size_t> unsynced;
  for (std::size_t at = 0; at < std::min(count, operations_.size()); ++at) {
    const Operation& operation = operations_[at];
    if (operation.kind == Operation::Kind::remove) {
      unsynced.push_back(at);
      continue;
    }
    const std::string synced = parent_of(operation.name);
    std::erase_if(unsynced, [&](std::size_t removal) {
      return parent_of(operations_[removal].name) == synced;
    });
  }
  return unsynced;
}

std::unique_ptr<MemoryStore> RecordingStore::state_after(
    std::size_t count, const std::set<std::size_t>& dropped) const {
  const std::vector<std::size_t> unsynced = unsynced_after(count);
  for (const std::size_t at : dropped) {
    if (std::find(unsynced.begin(), unsynced.end(), at) == unsynced.end()) {
      throw Error(ErrorKind::usage, "operation " + std::to_string(at) + " cannot be undone");
    }
  }
  const std::lock_guard lock(mutex_);
  MemoryStore::Objects objects = start_;
  for (std::size_t at = 0; at < std::min(count, operations_.size()); ++at) {
    const Operation& operation = operations_[at];
    if (operation.kind != Operation::Kind::remove) {
      objects[operation.name] = operation.bytes;
    } else if (!dropped.contains(at)) {
      objects.erase(operation.name);
    }
  }
  return std::make_unique<MemoryStore>(std::move(objects));
}

std::unique_ptr<Store::Upload> RecordingStore::begin_upload() {
  return std::make_unique<RecordingUpload>(*this, inner_.begin_upload());
}

bool RecordingStore::put_if_absent(const std::string& name, ByteView bytes) {
  const std::lock_guard lock(mutex_);
  if (!inner_.put_if_absent(name, bytes)) return false;
  operations_.push_back({Operation::Kind::put_if_absent, name, to_bytes(bytes)});
  return true;
}

bool RecordingStore::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!inner_.remove(name)) return false;
  operations_.push_back({Operation::Kind::remove, name, {}});
  return true;
}

}  // namespace coppice::test
