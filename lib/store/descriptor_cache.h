#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "fs/fd.h"

namespace coppice {

/// The open descriptors used last, by object name, so that reading a block costs one pread.
/// Thread-safe.
class DescriptorCache {
 public:
  /// Shared because a reader may be in a pread when another thread's open drops the entry.
  using Handle = std::shared_ptr<const Fd>;

  explicit DescriptorCache(std::size_t capacity) : capacity_(capacity) {}

  /// Null if it is not kept.
  Handle find(const std::string& name);
  /// To be asked before the file is opened, and told to `add`.
  std::uint64_t generation() const;
  /// Keeps the handle, unless anything was forgotten since `generation`: then the file opened may
  /// be the replaced one.
  void add(const std::string& name, Handle handle, std::uint64_t generation);
  /// For an object that was replaced or removed.
  void forget(const std::string& name);

 private:
  using Entry = std::pair<std::string, Handle>;

  const std::size_t capacity_;
  mutable std::mutex mutex_;  // guards all below
  std::uint64_t generation_ = 0;
  std::list<Entry> entries_;  // the one used last comes first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_name_;
};

}  // namespace coppice
