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

/// Calls take(record) for each record of one filled buffer but "." and "..".
template <typename Take>
void take_records(const char* buffer, std::size_t size, const Take& take) {
  for (std::size_t at = 0; at < size;) {
    // The kernel aligns records to 8 bytes within the aligned buffer.
    const auto* record = reinterpret_cast<const dirent64*>(buffer + at);
    at += record->d_reclen;
    const std::string_view name = record->d_name;
    if (name != "." && name != "..") take(*record);
  }
}

/// The same for a whole directory. Throws system_error.
template <typename Take>
void read_records(int fd, const Take& take) {
  // Not only for the second reading: btrfs shows a descriptor no entries made after it was opened
  // until it is rewound.
  if (::lseek(fd, 0, SEEK_SET) < 0) throw system_error("rewind directory", errno);
  alignas(dirent64) char buffer[kBufferBytes];
  for (;;) {
    const ssize_t size = ::getdents64(fd, buffer, sizeof buffer);
    if (size == 0) return;
    if (size < 0) {
      if (errno == EINTR) continue;
      throw system_error("read directory", errno);
    }
    take_records(buffer, static_cast<std::size_t>(size), take);
  }
}

}  // namespace

std::vector<DirEntry> read_directory(int fd) {
  std::vector<DirEntry> entries;
  read_records(fd, [&](const dirent64& record) {
    entries.push_back({std::string(record.d_name), record.d_type, record.d_ino});
  });
  const auto by_name = [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; };
  std::sort(entries.begin(), entries.end(), by_name);
  // A rename during the reading can show a name twice; a tree must hold it once.
  const auto same_name = [](const DirEntry& a, const DirEntry& b) { return a.name == b.name; };
  entries.erase(std::unique(entries.begin(), entries.end(), same_name), entries.end());
  return entries;
}

DirectoryNames::DirectoryNames(int fd) {
  read_records(fd, [this](const dirent64& record) { add(record.d_name); });
  sort();
}

void DirectoryNames::add(std::string_view name) {
  Place place;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto byte = i < name.size() ? static_cast<unsigned char>(name[i]) : 0U;
    place.front = place.front << 8 | byte;
  }
  place.offset = bytes_.size();
  place.length = static_cast<std::uint32_t>(name.size());
  bytes_.append(std::span(name.data(), name.size() + 1));
  places_.push_back(place);
}

std::string_view DirectoryNames::name_at(const Place& place) const {
  return {bytes_.begin() + place.offset, place.length};
}

std::string_view DirectoryNames::operator[](std::size_t i) const { return name_at(places_[i]); }

bool DirectoryNames::is_before(const Place& a, const Place& b) const {
  return a.front != b.front ? a.front < b.front : name_at(a) < name_at(b);
}

void DirectoryNames::sort() {
  std::sort(places_.begin(), places_.end(),
            [this](const Place& a, const Place& b) { return is_before(a, b); });
  // As above.
  const auto end =
      std::unique(places_.begin(), places_.end(),
                  [this](const Place& a, const Place& b) { return name_at(a) == name_at(b); });
  places_.resize(static_cast<std::size_t>(end - places_.begin()));
}

}  // namespace coppice
