#include "fs/directory.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace coppice {
namespace {

// About 1000 entries a call, where the call's own cost no longer shows. On the stack, because an
// allocation of this size for each of many small directories would cost more than reading them.
constexpr std::size_t kBufferBytes = std::size_t{32} * 1024;

/// Appends the records of one filled buffer.
void append_entries(const char* buffer, std::size_t size, std::vector<DirEntry>& entries) {
  for (std::size_t at = 0; at < size;) {
    // The kernel aligns records to 8 bytes within the aligned buffer.
    const auto* record = reinterpret_cast<const dirent64*>(buffer + at);
    at += record->d_reclen;
    const std::string_view name = record->d_name;
    if (name == "." || name == "..") continue;
    entries.push_back({std::string(name), record->d_type, record->d_ino});
  }
}

}  // namespace

std::vector<DirEntry> read_directory(int fd) {
  // Not only for the second reading: btrfs shows a descriptor no entries made after it was opened
  // until it is rewound.
  if (::lseek(fd, 0, SEEK_SET) < 0) throw system_error("rewind directory", errno);
  std::vector<DirEntry> entries;
  alignas(dirent64) char buffer[kBufferBytes];
  for (;;) {
    const ssize_t size = ::getdents64(fd, buffer, sizeof buffer);
    if (size == 0) break;
    if (size < 0) {
      if (errno == EINTR) continue;
      throw system_error("read directory", errno);
    }
    append_entries(buffer, static_cast<std::size_t>(size), entries);
  }
  const auto by_name = [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; };
  std::sort(entries.begin(), entries.end(), by_name);
  // A rename during the reading can show a name twice; a tree must hold it once.
  const auto same_name = [](const DirEntry& a, const DirEntry& b) { return a.name == b.name; };
  entries.erase(std::unique(entries.begin(), entries.end(), same_name), entries.end());
  return entries;
}

}  // namespace coppice
