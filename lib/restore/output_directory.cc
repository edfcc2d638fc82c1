#include "restore/output_directory.h"

#include <fcntl.h>

#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace coppice {

std::string OutputDirectory::path() const {
  std::vector<const OutputDirectory*> way;
  const OutputDirectory* at = this;
  for (; at->parent; at = at->parent.get()) way.push_back(at);
  std::string path = at->target_path;
  for (; !way.empty(); way.pop_back()) {
    if (!path.ends_with('/')) path += '/';
    path += way.back()->name;
  }
  return path;
}

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
  std::vector<OutputDirectoryPtr> closed;  // on the way up; no recursion, it may be a long one
  OutputDirectoryPtr at = directory;
  SharedFd fd = at->parent ? find(at) : target_;
  while (!fd) {
    closed.push_back(at);
    at = at->parent;
    fd = at->parent ? find(at) : target_;
  }
  for (; !closed.empty(); closed.pop_back()) fd = open_again(closed.back(), *fd);
  return fd;
}

SharedFd OutputDirectories::open_again(const OutputDirectoryPtr& directory, const Fd& parent) {
  Fd fd = open_at(parent.get(), directory->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const Metadata facts = stat_fd(fd.get());
  // Someone who may rename in the target could else have another directory filled and chowned.
  if (facts.inode != directory->inode || facts.device != directory->device) {
    throw Error(ErrorKind::failed, escape_for_display(directory->path()) +
                                       ": another directory took its place while it was restored");
  }
  return insert_shared(directory, std::make_shared<const Fd>(std::move(fd)));
}

}  // namespace coppice
