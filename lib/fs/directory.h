#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fs/scratch_memory.h"

namespace coppice {

/// One name in a directory, as the directory itself tells it.
struct DirEntry {
  std::string name;  ///< bytes as they are; never ".", ".." or empty, never with a slash
  std::uint8_t type =
      0;  ///< DT_REG, DT_DIR … of <dirent.h>; DT_UNKNOWN on file systems that do not tell
  std::uint64_t inode =
      0;  ///< of the entry itself: for a mount point that of the directory beneath
};

/// All entries that the directory has now, sorted by name bytes (memcmp order), each name once.
/// Always reads from the start, so a descriptor kept open can be listed again and again, by one
/// thread at a time. Entries that come or go meanwhile may be there or not. Requires a descriptor
/// opened for reading. Throws system_error.
std::vector<DirEntry> read_directory(int fd);

/// The names in a directory of any size, sorted as read_directory sorts. Beyond 256 KiB (some 4000
/// long names) they lie in scratch memory: a directory of a million entries takes no more private
/// memory than a small one. Immutable once read; then threads may share it.
class DirectoryNames {
 public:
  /// Empty.
  DirectoryNames() = default;
  /// Reads them; requires and throws as read_directory.
  explicit DirectoryNames(int fd);

  std::size_t size() const { return places_.size(); }
  /// The view lives as long as this object, and a NUL follows it.
  std::string_view operator[](std::size_t i) const;
  bool is_spilled() const { return bytes_.is_spilled() || places_.is_spilled(); }

 private:
  struct Place {
    std::uint64_t front = 0;  // the first eight bytes, as a number that compares like them
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
  };
  static constexpr std::size_t kHeapBytes = 128 << 10;

  void add(std::string_view name);
  void sort();
  std::string_view name_at(const Place& place) const;
  bool is_before(const Place& a, const Place& b) const;

  ScratchVector<char> bytes_{kHeapBytes};
  ScratchVector<Place> places_{kHeapBytes};
};

}  // namespace coppice
