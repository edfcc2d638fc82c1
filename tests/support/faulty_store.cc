#include "support/faulty_store.h"

#include <algorithm>
#include <type_traits>

namespace coppice::test {

void FaultyStore::fail(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  calls_ = 0;
}

void FaultyStore::limit_uploads(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  room_ = bytes;
}

void FaultyStore::expect_room(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes <= room_) return;
  ++fault_hits_;
  throw Error(ErrorKind::no_space, "full");
}

void FaultyStore::heal() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
  room_ = UINT64_MAX;
  damages_.clear();
}

std::uint64_t FaultyStore::mutating_calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t FaultyStore::fault_hits() const {
  const std::lock_guard lock(mutex_);
  return fault_hits_;
}

std::uint64_t FaultyStore::damage_hits() const {
  const std::lock_guard lock(mutex_);
  return damage_hits_;
}

void FaultyStore::flip_byte(const std::string& name, std::uint64_t offset, std::uint8_t mask) {
  const std::lock_guard lock(mutex_);
  damages_[name].flips[offset] = mask;
}

void FaultyStore::truncate(const std::string& name, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  damages_[name].size = size;
}

void FaultyStore::hide(const std::string& name) {
  const std::lock_guard lock(mutex_);
  damages_[name].is_hidden = true;
}

std::optional<Error> FaultyStore::count_call() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t call = calls_++;
  if (!fault_ || call < fault_->at || (call > fault_->at && !fault_->sticky)) return std::nullopt;
  ++fault_hits_;
  if (!fault_->after) throw Error(fault_->error);
  return fault_->error;
}

template <typename Call>
auto FaultyStore::mutate(const Call& call) {
  const std::optional<Error> then = count_call();
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    if (then) throw Error(*then);
  } else {
    auto result = call();
    if (then) throw Error(*then);
    return result;
  }
}

std::optional<FaultyStore::Damage> FaultyStore::damage_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = damages_.find(name);
  if (found == damages_.end()) return std::nullopt;
  return found->second;
}

bool FaultyStore::forget_damage(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return damages_.erase(name) > 0;
}

void FaultyStore::hit_damage() {
  const std::lock_guard lock(mutex_);
  ++damage_hits_;
}

class FaultyStore::FaultyUpload : public Store::Upload {
 public:
  FaultyUpload(FaultyStore& store, std::unique_ptr<Upload> inner)
      : store_(store), inner_(std::move(inner)) {}

  void append(ByteView bytes) override {
    store_.expect_room(inner_->size() + bytes.size());
    store_.mutate([&] { inner_->append(bytes); });
  }
  void read_back(std::uint64_t offset, MutableByteView out) override {
    inner_->read_back(offset, out);
  }
  std::uint64_t size() const override { return inner_->size(); }
  void commit(const std::string& name) override {
    store_.mutate([&] {
      inner_->commit(name);
      store_.forget_damage(name);
    });
  }

 private:
  FaultyStore& store_;
  std::unique_ptr<Upload> inner_;
};

std::unique_ptr<Store::Upload> FaultyStore::begin_upload() {
  return mutate([&]() -> std::unique_ptr<Upload> {
    return std::make_unique<FaultyUpload>(*this, inner_.begin_upload());
  });
}

bool FaultyStore::put_if_absent(const std::string& name, ByteView bytes) {
  return mutate([&] {
    const std::optional<Damage> damage = damage_of(name);
    if (!damage || !damage->is_hidden) return inner_.put_if_absent(name, bytes);
    inner_.put(name, bytes);  // a missing object makes way
    forget_damage(name);
    return true;
  });
}

void FaultyStore::make_durable(const std::string& name) {
  mutate([&] { inner_.make_durable(name); });
}

bool FaultyStore::remove(const std::string& name) {
  return mutate([&] {
    const std::optional<Damage> damage = damage_of(name);
    forget_damage(name);
    return inner_.remove(name) && !(damage && damage->is_hidden);
  });
}

std::optional<std::uint64_t> FaultyStore::size(const std::string& name) {
  const std::optional<std::uint64_t> size = inner_.size(name);
  const std::optional<Damage> damage = damage_of(name);
  if (!size || !damage) return size;
  if (damage->is_hidden) {
    hit_damage();
    return std::nullopt;
  }
  if (damage->size && *damage->size < *size) {
    hit_damage();
    return damage->size;
  }
  return size;
}

void FaultyStore::read(const std::string& name, std::uint64_t offset, MutableByteView out) {
  const std::optional<Damage> damage = damage_of(name);
  if (damage && damage->is_hidden) {
    hit_damage();
    throw_damaged(name + ": missing");
  }
  if (damage && damage->size && offset + out.size() > *damage->size) {
    hit_damage();
    throw_damaged(name + ": ends at " + std::to_string(*damage->size));
  }
  inner_.read(name, offset, out);
  if (!damage) return;
  for (const auto& [at, mask] : damage->flips) {
    if (at < offset || at - offset >= out.size()) continue;
    out[at - offset] ^= mask;
    hit_damage();
  }
}

std::vector<ObjectInfo> FaultyStore::list(const std::string& prefix) {
  std::vector<ObjectInfo> listed;
  for (ObjectInfo& object : inner_.list(prefix)) {
    const std::optional<Damage> damage = damage_of(object.name);
    if (damage && (damage->is_hidden || damage->size)) hit_damage();
    if (damage && damage->is_hidden) continue;
    if (damage && damage->size) object.size = std::min(object.size, *damage->size);
    listed.push_back(std::move(object));
  }
  return listed;
}

}  // namespace coppice::test
