#include "index/index_cache.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "fs/directory.h"
#include "fs/fd.h"
#include "fs/scratch_file.h"
#include "fs/write_file.h"
#include "index/image_proof.h"
#include "index/run_merge.h"

namespace coppice {
namespace {

constexpr std::string_view kSuffix = ".run";
constexpr std::string_view kUnfinished = "unfinished-";  // and the process id
constexpr std::size_t kSizeBytes = 8;

/// What a run over a cached file needs while it lives.
struct CachedImage {
  CachedImage(const Fd& fd, std::size_t size) : file(fd, size) {}

  MappedFile file;
  std::unique_ptr<ImageProof> proof;
};

bool is_run_name(std::string_view name) {
  return name.size() == 2 * Id::kSize + kSuffix.size() && name.ends_with(kSuffix);
}

/// A file that a process which is no more was writing.
bool is_left_over(std::string_view name) {
  if (!name.starts_with(kUnfinished)) return false;
  name.remove_prefix(kUnfinished.size());
  pid_t process = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
  return error != std::errc() || (kill(process, 0) != 0 && errno == ESRCH);
}

void remove_left_overs(int directory) {
  for (const DirEntry& entry : read_directory(directory)) {
    if (is_left_over(entry.name)) unlinkat(directory, entry.name.c_str(), 0);
  }
}

std::uint64_t image_size_of(ByteView file) {
  std::uint64_t size = 0;
  if (file.size() < kSizeBytes + Id::kSize) throw_damaged("index run: cut short");
  std::memcpy(&size, file.data() + file.size() - kSizeBytes, kSizeBytes);
  if (size > file.size() || size + ImageProof::trailer_size(size) + kSizeBytes != file.size())
    throw_damaged("index run: cut short");
  return size;
}

}  // namespace

IndexCache::IndexCache(std::string directory, Secret32 key)
    : directory_(std::move(directory)), key_(std::move(key)) {}

CachedRun IndexCache::load_run(int directory, const std::string& file, Proof proof) const {
  const Fd fd = open_at(directory, file.c_str(), O_RDONLY | O_NOFOLLOW);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) throw system_error("fstat", errno);
  // shared: the runs made of it are handed out by value and outlive this function.
  const auto mapped = std::make_shared<CachedImage>(fd, static_cast<std::size_t>(status.st_size));
  const ByteView bytes = mapped->file.bytes();
  const auto size = static_cast<std::size_t>(image_size_of(bytes));
  const ByteView image = bytes.first(size);
  const std::string path = directory_ + '/' + file;
  mapped->proof = std::make_unique<ImageProof>(
      key_, image, bytes.subspan(size, bytes.size() - size - kSizeBytes),
      [path] { unlink(path.c_str()); });
  const std::shared_ptr<const ImageProof> shared_proof(mapped, mapped->proof.get());
  if (proof == Proof::as_used)
    return {IndexRun::from_unproved_image(mapped, image, shared_proof), file};
  if (!shared_proof->covers(image)) throw_damaged("index run: altered");
  return {IndexRun::from_image(mapped, image), file};
}

std::vector<CachedRun> IndexCache::load(Proof proof) const {
  std::vector<CachedRun> runs;
  const OpenResult directory = try_open_at(AT_FDCWD, directory_.c_str(), O_RDONLY | O_DIRECTORY);
  if (directory.errno_value != 0) return runs;
  try {
    for (const DirEntry& entry : read_directory(directory.fd.get())) {
      if (!is_run_name(entry.name)) continue;
      try {
        runs.push_back(load_run(directory.fd.get(), entry.name, proof));
      } catch (const Error&) {  // per item
        unlinkat(directory.fd.get(), entry.name.c_str(), 0);
      }
    }
  } catch (const Error&) {
    return runs;  // a cache that cannot be listed is an empty one
  }
  std::sort(runs.begin(), runs.end(), [](const CachedRun& a, const CachedRun& b) {
    return a.run.bytes().size() > b.run.bytes().size();
  });
  return runs;
}

/// Not synced: a file that did not reach the disk does not prove itself.
CachedRun IndexCache::write(std::span<const IndexRun> parts) const {
  create_directories(directory_, 0700);
  const Fd directory = open_at(AT_FDCWD, directory_.c_str(), O_RDONLY | O_DIRECTORY);
  remove_left_overs(directory.get());
  const std::string unfinished = std::string(kUnfinished) + std::to_string(getpid());
  const Fd file =
      open_at(directory.get(), unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  const std::uint64_t size = merge_runs(parts, file);
  Bytes trailer;
  {
    const MappedFile image(file, static_cast<std::size_t>(size));
    trailer = ImageProof::make_trailer(key_, image.bytes());
  }
  const std::string name = Id::from(ByteView(trailer).last(Id::kSize)).hex() + std::string(kSuffix);
  const auto* size_bytes = reinterpret_cast<const std::uint8_t*>(&size);
  trailer.insert(trailer.end(), size_bytes, size_bytes + kSizeBytes);
  write_at(file.get(), trailer, size);
  if (renameat(directory.get(), unfinished.c_str(), directory.get(), name.c_str()) != 0)
    throw system_error("rename", errno);
  const auto mapped = std::make_shared<MappedFile>(file, static_cast<std::size_t>(size));
  return {IndexRun::from_image(mapped, mapped->bytes()), name};
}

std::optional<CachedRun> IndexCache::keep(std::span<const IndexRun> parts,
                                          std::span<const std::string> replaced) const {
  try {
    CachedRun kept = write(parts);
    for (const std::string& file : replaced) {
      if (file != kept.file) drop(file);
    }
    return kept;
  } catch (const Error&) {
    drop(std::string(kUnfinished) + std::to_string(getpid()));
    return std::nullopt;  // a full or read-only cache disk must not fail the command
  }
}

void IndexCache::drop(const std::string& file) const { unlink((directory_ + '/' + file).c_str()); }

}  // namespace coppice
