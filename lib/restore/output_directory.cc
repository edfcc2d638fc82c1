#include "restore/output_directory.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/text.h"

namespace coppice {

OutputDirectories::OutputDirectories(Fd target, std::size_t capacity)
    : target_(std::make_shared<const Fd>(std::move(target))), capacity_(capacity) {}

SharedFd OutputDirectories::find(const OutputDirectoryPtr& directory) {
  return cache_.with([&](Cache& cache) -> SharedFd {
    const auto found = cache.by_directory.find(directory.get());
    if (found == cache.by_directory.end()) return nullptr;
    cache.entries.splice(cache.entries.begin(), cache.entries, found->second);
    return found->second->fd;
  });
}

SharedFd OutputDirectories::insert_shared(const OutputDirectoryPtr& directory, SharedFd fd) {
  std::list<Entry> evicted;  // closed outside the lock
  cache_.with([&](Cache& cache) {
    if (cache.by_directory.contains(directory.get())) return;
    cache.entries.push_front({directory, fd});
    cache.by_directory[directory.get()] = cache.entries.begin();
    if (cache.entries.size() <= capacity_) return;
    cache.by_directory.erase(cache.entries.back().directory.get());
    evicted.splice(evicted.begin(), cache.entries, std::prev(cache.entries.end()));
  });
  return fd;
}

void OutputDirectories::insert(const OutputDirectoryPtr& directory, Fd fd) {
  insert_shared(directory, std::make_shared<const Fd>(std::move(fd)));
}

void OutputDirectories::forget(const OutputDirectoryPtr& directory) {
  std::list<Entry> forgotten;
  cache_.with([&](Cache& cache) {
    const auto found = cache.by_directory.find(directory.get());
    if (found == cache.by_directory.end()) return;
    forgotten.splice(forgotten.begin(), cache.entries, found->second);
    cache.by_directory.erase(found);
  });
}

SharedFd OutputDirectories::open(const OutputDirectoryPtr& directory) {
  if (!directory->parent) return target_;
  if (SharedFd cached = find(directory)) return cached;
  const SharedFd parent = open(directory->parent);
  Fd fd = open_at(parent->get(), directory->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const Metadata facts = stat_fd(fd.get());
  // Someone who may rename in the target could else have another directory filled and chowned.
  if (facts.inode != directory->inode || facts.device != directory->device) {
    throw Error(ErrorKind::failed, escape_for_display(directory->path) +
                                       ": another directory took its place while it was restored");
  }
  return insert_shared(directory, std::make_shared<const Fd>(std::move(fd)));
}

}  // namespace coppice
