#include "backup/small_files.h"

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "fs/holes.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

/// Reads the whole file behind `fd` to the end of `buffer`; `expected` is its size by stat. Returns
/// the bytes read. A file that has grown is read up to one byte more than expected: enough for the
/// caller to see it.
std::size_t append_content(int fd, std::uint64_t expected, UnsetBytes& buffer) {
  const std::size_t start = buffer.size();
  const auto enough = static_cast<std::size_t>(expected);
  buffer.resize(start + enough + 1);
  const std::size_t got = read_enough(fd, MutableByteView(buffer).subspan(start), enough);
  buffer.resize(start + got);
  return got;
}

/// The holes of a file of at most `size` bytes; asked for before it is read, because preallocated
/// blocks that have been read count as data.
std::vector<Extent> find_holes(int fd, std::uint64_t size) {
  std::vector<Extent> holes;
  if (size == 0 || !may_have_holes(fd, size)) return holes;
  std::uint64_t offset = 0;
  while (offset < size) {
    const Extent data = next_data(fd, offset, size);
    if (data.offset > offset) holes.push_back({offset, data.offset - offset});
    offset = data.length == 0 ? size : data.offset + data.length;
  }
  return holes;
}

/// Cuts `content`, which lies at `start` of the buffer. What was a hole and reads as anything else
/// was written meanwhile, and is content.
void cut_around_holes(const CutRule& rule, ByteView content, std::size_t start,
                      const std::vector<Extent>& holes, std::vector<Piece>& pieces) {
  std::size_t offset = 0;
  const auto cut_up_to = [&](std::size_t end) {
    cut_pieces(rule, content.subspan(offset, end - offset),
               static_cast<std::uint32_t>(start + offset), true, pieces);
    offset = end;
  };
  for (const Extent& hole : holes) {
    const auto begin = static_cast<std::size_t>(hole.offset);
    const auto length = static_cast<std::size_t>(hole.length);
    if (begin + length > content.size()) break;
    if (!is_all_zero(content.subspan(begin, length))) continue;
    cut_up_to(begin);
    pieces.push_back({true, {}, 0, length});
    offset += length;
  }
  cut_up_to(content.size());
}

ReadFile read_open_file(const CutRule& rule, int fd, const Metadata& seen, UnsetBytes& buffer) {
  ReadFile file;
  file.metadata = seen;
  const std::size_t start = buffer.size();
  std::vector<Extent> holes;
  // Twice at most: what the walk saw, then what is there now (docs/architecture.md, "files that
  // change").
  for (int attempt = 0; attempt < 2; ++attempt) {
    buffer.resize(start);
    const std::uint64_t expected = std::min(file.metadata.size, kSmallFileBytes);
    holes = find_holes(fd, expected);
    const std::size_t got = append_content(fd, expected, buffer);
    const Metadata after = stat_fd(fd);
    if (after.type != FileType::regular) {
      file.is_other_type = true;
      return file;
    }
    file.is_changing = !is_same_state(file.metadata, after) || got != after.size;
    file.metadata = after;
    if (!file.is_changing) break;
    file.was_changed = true;
  }
  const ByteView content = ByteView(buffer).subspan(start);
  cut_around_holes(rule, content, start, holes, file.pieces);
  file.metadata.size = content.size();
  file.problems = read_extended(fd, file.metadata);
  return file;
}

ReadFile read_one(const CutRule& rule, const SmallFileJob& job, UnsetBytes& buffer) {
  const OpenResult opened =
      try_open_source_at(job.directory->get(), job.name.c_str(), FileType::regular);
  if (opened.errno_value != 0) {
    ReadFile failed;
    failed.errno_value = opened.errno_value;
    return failed;
  }
  const std::size_t start = buffer.size();
  try {
    return read_open_file(rule, opened.fd.get(), job.metadata, buffer);
  } catch (const Error&) {  // per item: an unreadable sector must not stop the batch
    buffer.resize(start);
    ReadFile failed;
    failed.is_other_type = stat_fd(opened.fd.get()).type != FileType::regular;
    failed.errno_value = failed.is_other_type ? 0 : EIO;
    return failed;
  }
}

}  // namespace

bool is_same_state(const Metadata& a, const Metadata& b) {
  return a.size == b.size && a.mtime == b.mtime && a.ctime == b.ctime;
}

ReadBatch read_small_files(const CutRule& rule, const std::vector<SmallFileJob>& jobs) {
  ReadBatch batch;
  batch.files.reserve(jobs.size());
  std::uint64_t total = 0;
  for (const SmallFileJob& job : jobs) total += std::min(job.metadata.size, kSmallFileBytes) + 1;
  batch.buffer.reserve(static_cast<std::size_t>(total));
  for (const SmallFileJob& job : jobs) batch.files.push_back(read_one(rule, job, batch.buffer));
  return batch;
}

}  // namespace coppice
