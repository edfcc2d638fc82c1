#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backup/piece.h"
#include "fs/fd.h"
#include "fs/metadata.h"

namespace coppice {

/// A directory that stays open while anything in it is still to be read. shared_ptr: the walk and
/// several reading tasks use it, and none of them knows who is last.
using DirectoryHandle = std::shared_ptr<const Fd>;

/// Files larger than this are streamed (streamed_file.h); bytes.
inline constexpr std::uint64_t kSmallFileBytes = 512 << 10;
/// A batch is closed at this many bytes or files.
inline constexpr std::uint64_t kBatchBytes = 1 << 20;
inline constexpr std::size_t kBatchFiles = 128;

/// Where bytes come from and how their end is told.
enum class ContentKind {
  file,         ///< as long as stat tells
  device,       ///< read by content: a block device is as long as it tells, others end some time
  kernel_text,  ///< of a pseudo file system: made up when it is read, stat's size means nothing
};

struct SmallFileJob {
  DirectoryHandle directory;
  std::string name;
  Metadata metadata;                     ///< as the walk saw it
  ContentKind kind = ContentKind::file;  ///< others by StreamedFile only
};

/// One file as it was read.
struct ReadFile {
  int errno_value = 0;         ///< not 0: could not be read; nothing else is set
  bool was_changed = false;    ///< it changed since the walk saw it, or while it was read
  bool is_changing = false;    ///< it changed during both readings
  bool is_other_type = false;  ///< no regular file any more
  Metadata metadata;           ///< what belongs to the bytes read, with extended metadata
  MetadataProblems problems;
  std::vector<Piece> pieces;  ///< offsets into the batch's buffer
};

struct ReadBatch {
  UnsetBytes buffer;
  std::vector<ReadFile> files;  ///< as many as jobs, in their order
};

/// Reads, cuts and names a batch of small files. A file that changes while it is read is read once
/// more.
ReadBatch read_small_files(const CutRule& rule, const std::vector<SmallFileJob>& jobs);

/// True if the two are the same state of a file: size, mtime and ctime.
bool is_same_state(const Metadata& a, const Metadata& b);

}  // namespace coppice
