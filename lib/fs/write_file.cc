#include "fs/write_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "fs/fd.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

/// A new file under a name of its own; removed again unless renamed to its final name.
class TemporaryFile {
 public:
  explicit TemporaryFile(int dirfd) : dirfd_(dirfd), name_(fresh_name()) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (exists_) ::unlinkat(dirfd_, name_.c_str(), 0);
  }

  Fd create(mode_t mode) {
    Fd fd = open_at(dirfd_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    exists_ = true;
    return fd;
  }
  void rename_to(const char* name) {
    if (::renameat(dirfd_, name_.c_str(), dirfd_, name) != 0)
      throw call_error("rename to", name, errno);
    exists_ = false;
  }

 private:
  /// 64 random bits: writers of the same file never meet, not even from two machines on a shared
  /// directory.
  static std::string fresh_name() {
    std::array<std::uint8_t, 8> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
      throw system_error("getrandom", errno);
    }
    return kTemporaryPrefix + to_hex(random);
  }

  int dirfd_;
  std::string name_;
  bool exists_ = false;
};

/// Everything from `fd`, whose size is a guess; one byte more than allowed is asked for, to see
/// that there is no more.
Bytes read_whole(int fd, const Metadata& metadata, std::size_t max_bytes, std::string_view name) {
  const bool is_file = metadata.type == FileType::regular;
  const auto guess = static_cast<std::size_t>(std::min<std::uint64_t>(metadata.size, max_bytes));
  Bytes bytes((is_file ? guess : max_bytes) + 1);
  std::size_t size = read_up_to(fd, bytes);
  if (size == bytes.size() &&
      size <= max_bytes) {  // it grew, or is one of those in /proc that tell size 0
    bytes.resize(max_bytes + 1);
    size += read_up_to(fd, MutableByteView(bytes).subspan(size));
  }
  if (size > max_bytes) {
    throw Error(ErrorKind::failed, "read " + escape_for_display(name) + ": larger than " +
                                       std::to_string(max_bytes) + " bytes");
  }
  bytes.resize(size);
  return bytes;
}

bool is_directory(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

}  // namespace

void write_file_durably(int dirfd, const char* name, ByteView bytes, mode_t mode) {
  TemporaryFile temporary(dirfd);
  Fd file = temporary.create(mode);
  write_at(file.get(), bytes, 0);
  sync_to_disk(file.get());
  file.close();
  temporary.rename_to(name);
  // A rename is only on disk once its directory is. O_PATH descriptors and AT_FDCWD cannot be
  // synced themselves.
  const Fd directory = open_at(dirfd, ".", O_RDONLY | O_DIRECTORY);
  sync_to_disk(directory.get());
}

Bytes read_small_file(const std::string& path, std::size_t max_bytes) {
  const Fd fd = open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  return read_whole(fd.get(), stat_fd(fd.get()), max_bytes, path);
}

Bytes read_small_file(int dirfd, const char* name, std::size_t max_bytes) {
  const SourceFile file = open_for_reading_at(dirfd, name);
  return read_whole(file.fd.get(), file.metadata, max_bytes, name);
}

std::optional<Bytes> try_read_small_file(int dirfd, const char* name, std::size_t max_bytes) {
  const OpenResult file = try_open_source_at(dirfd, name, FileType::regular);
  if (file.errno_value == ENOENT) return std::nullopt;
  if (file.errno_value != 0) throw call_error("open", name, file.errno_value);
  const Metadata metadata = stat_fd(file.fd.get());
  if (metadata.type != FileType::regular) throw call_error("open", name, EINVAL);
  return read_whole(file.fd.get(), metadata, max_bytes, name);
}

void create_directories(const std::string& path, mode_t mode) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string prefix = path.substr(0, end);
    if (::mkdir(prefix.c_str(), mode) == 0) continue;
    const int error = errno;
    if (is_directory(prefix)) continue;
    throw call_error("create directory", prefix.c_str(), error == EEXIST ? ENOTDIR : error);
  }
}

std::uint64_t raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

}  // namespace coppice
