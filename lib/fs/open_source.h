#pragma once
#include "fs/fd.h"
#include "fs/metadata.h"

namespace coppice {

/// A regular file opened to be read, and what it was just then.
struct SourceFile {
  Fd fd;
  Metadata metadata;  ///< as by stat_fd, without what read_extended adds
};

/// Opens a regular file of the live system: never follows a symlink, never blocks on a FIFO that
/// took its place, leaves the access time alone where the kernel allows (owner or root), and waits
/// until the holder of a lease (a Samba client) has given it back. Throws call_error, also (EINVAL)
/// if it is no regular file any more.
SourceFile open_for_reading_at(int dirfd, const char* name);
/// Opens a directory to be read, without following a symlink and leaving the access time alone
/// likewise. Throws call_error.
Fd open_directory_at(int dirfd, const char* name);

/// The open behind both: a regular file or directory of type `type`, with the error number by
/// value. Whether a `regular` one still is, the caller must check.
OpenResult try_open_source_at(int dirfd, const char* name, FileType type);

}  // namespace coppice
