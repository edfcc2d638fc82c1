#pragma once
#include <functional>
#include <string>

#include "base/bytes.h"
#include "fs/fd.h"

namespace coppice {

/// The directory for what does not fit into memory: $TMPDIR if it is set and absolute, else
/// /var/tmp (not /tmp, which often is memory itself).
std::string scratch_directory();

/// A nameless file (O_TMPFILE, or a name removed at once) that goes when it is closed, whatever
/// ends the process. Throws call_error if the directory cannot take one.
Fd create_scratch_file(const std::string& directory = scratch_directory());

/// A scratch file that `write` has filled. Where the directory takes none or is full, it is filled
/// again in memory of the system's (memfd), so that jobs work on a machine without a disk. Throws
/// what `write` throws then.
Fd write_scratch_file(const std::function<void(const Fd&)>& write);

/// ftruncate(2). Throws system_error.
void resize_file(const Fd& file, std::uint64_t size);

/// A file's first `size` bytes in the address space, for reading. Its pages belong to the page
/// cache, not to this process's private memory. The file must not become shorter meanwhile. Const
/// and thread-safe.
class MappedFile {
 public:
  /// Throws system_error. `size` may be 0.
  MappedFile(const Fd& fd, std::size_t size);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  ByteView bytes() const { return {static_cast<const std::uint8_t*>(start_), size_}; }
  /// Takes the pages out of this process's resident set; they stay in the page cache.
  void let_go() const;

 private:
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

/// Appends to one region of a file through a buffer of its own, so that several regions can be
/// written side by side in one pass. Not thread-safe; `flush` before the end.
class RegionWriter {
 public:
  RegionWriter(const Fd& fd, std::uint64_t offset, std::size_t buffer_bytes = 256 << 10);

  /// Throws system_error.
  void append(ByteView bytes);
  void flush();
  std::uint64_t offset() const { return offset_ + buffer_.size(); }

 private:
  const Fd& fd_;
  std::uint64_t offset_;  // of the buffer's first byte in the file
  std::size_t limit_;
  Bytes buffer_;
};

}  // namespace coppice
