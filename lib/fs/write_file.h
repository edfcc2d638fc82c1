#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace coppice {

/// Names of unfinished files in a directory that write_file_durably was killed in begin with this.
inline constexpr const char* kTemporaryPrefix = ".coppice-tmp-";

/// Replaces or creates a small file so that after a crash it holds the old bytes or the new, never
/// a mixture: temporary file in the same directory, write, fsync, rename, fsync of the directory.
/// Durable when it returns. `mode` is less the umask. Throws call_error or system_error and leaves
/// the old file as it was.
void write_file_durably(int dirfd, const char* name, ByteView bytes, mode_t mode = 0600);

/// The whole of a file, pipe or device that the user named, following symlinks; waits for a pipe's
/// writer. The buffer is never reallocated for files and pipes that hold still, so a secret read
/// with it leaves no copy behind. Throws call_error; Error{failed} if there are more than
/// `max_bytes`.
Bytes read_small_file(const std::string& path, std::size_t max_bytes);
/// The whole of one of our own files: a symlink, FIFO or device in its place is an error.
Bytes read_small_file(int dirfd, const char* name, std::size_t max_bytes);
/// The same, but nothing for ENOENT.
std::optional<Bytes> try_read_small_file(int dirfd, const char* name, std::size_t max_bytes);

/// mkdir -p: makes every missing directory of `path` with `mode` less the umask. Existing ones keep
/// theirs. Throws call_error.
void create_directories(const std::string& path, mode_t mode = 0700);

/// Raises the limit of open files to what the system grants this process, and returns it.
std::uint64_t raise_open_file_limit();

}  // namespace coppice
