#include "index/index_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/error.h"
#include "crypto/hash.h"
#include "fs/directory.h"
#include "fs/fd.h"
#include "fs/write_file.h"

namespace coppice {
namespace {

constexpr std::string_view kSuffix = ".run";

/// A file mapped for reading; unmapped when the last run over it is gone.
struct Mapping {
  void* start = nullptr;
  std::size_t size = 0;

  Mapping(const Fd& fd, std::size_t length) : size(length) {
    start = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (start == MAP_FAILED) throw Error(ErrorKind::failed, "cannot map an index run");
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(start, size); }

  ByteView view() const { return {static_cast<const std::uint8_t*>(start), size}; }
};

Id authenticator(const Secret32& key, ByteView image) {
  Blake3Hasher hasher(key);
  hasher.update(image);
  return hasher.finish();
}

IndexRun load_run(int directory, const std::string& name, const Secret32& key) {
  const Fd fd = open_at(directory, name.c_str(), O_RDONLY | O_NOFOLLOW);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || status.st_size <= static_cast<off_t>(Id::kSize)) {
    throw_damaged("index run: cut short");
  }
  // shared: the runs made of it are handed out by value and outlive this function.
  const auto mapping = std::make_shared<Mapping>(fd, static_cast<std::size_t>(status.st_size));
  const ByteView image = mapping->view().first(mapping->size - Id::kSize);
  if (Id::from(mapping->view().last(Id::kSize)) != authenticator(key, image)) {
    throw_damaged("index run: altered");
  }
  return IndexRun::from_image(mapping, image);
}

bool is_run_name(std::string_view name) {
  return name.size() == 2 * Id::kSize + kSuffix.size() && name.ends_with(kSuffix);
}

}  // namespace

IndexCache::IndexCache(std::string directory, Secret32 key)
    : directory_(std::move(directory)), key_(std::move(key)) {}

std::string IndexCache::path_of(const IndexRun& run) const {
  return authenticator(key_, run.bytes()).hex() + std::string(kSuffix);
}

std::vector<IndexRun> IndexCache::load() const {
  std::vector<IndexRun> runs;
  const OpenResult directory = try_open_at(AT_FDCWD, directory_.c_str(), O_RDONLY | O_DIRECTORY);
  if (directory.errno_value != 0) return runs;
  try {
    for (const DirEntry& entry : read_directory(directory.fd.get())) {
      if (!is_run_name(entry.name)) continue;
      try {
        runs.push_back(load_run(directory.fd.get(), entry.name, key_));
      } catch (const Error&) {
        unlinkat(directory.fd.get(), entry.name.c_str(), 0);
      }
    }
  } catch (const Error&) {
    return runs;  // a cache that cannot be listed is an empty one
  }
  return runs;
}

void IndexCache::store(const IndexRun& run) const {
  try {
    create_directories(directory_, 0700);
    const Fd directory = open_at(AT_FDCWD, directory_.c_str(), O_RDONLY | O_DIRECTORY);
    Bytes file = to_bytes(run.bytes());
    const Id mac = authenticator(key_, run.bytes());
    file.insert(file.end(), mac.bytes.begin(), mac.bytes.end());
    write_file_durably(directory.get(), path_of(run).c_str(), file, 0600);
  } catch (const Error&) {
    return;  // a full or read-only cache disk must not fail the command
  }
}

void IndexCache::keep_only(const IndexRun& run) const {
  const OpenResult directory = try_open_at(AT_FDCWD, directory_.c_str(), O_RDONLY | O_DIRECTORY);
  if (directory.errno_value != 0) return;
  const std::string kept = path_of(run);
  try {
    for (const DirEntry& entry : read_directory(directory.fd.get())) {
      if (is_run_name(entry.name) && entry.name != kept) {
        unlinkat(directory.fd.get(), entry.name.c_str(), 0);
      }
    }
  } catch (const Error&) {
    return;
  }
}

}  // namespace coppice
