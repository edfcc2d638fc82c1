#pragma once
#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace coppice
