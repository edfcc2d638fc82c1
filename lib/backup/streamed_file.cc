#include "backup/streamed_file.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/error.h"
#include "fs/device.h"
#include "fs/holes.h"
#include "fs/mount_info.h"
#include "fs/open_source.h"

namespace coppice {
namespace {

constexpr std::uint64_t kLongHoleBytes = 64 << 10;
constexpr std::uint64_t kFreeShortHoles = 1024;
constexpr std::size_t kSegmentBytes = 4 << 20;
constexpr std::uint64_t kBoundless = std::numeric_limits<std::uint64_t>::max();
/// Extents of data that are asked for at one time: 64 KiB of memory.
constexpr std::size_t kExtentsAhead = 4096;

}  // namespace

void StreamedFile::open_device() {
  OpenResult opened = try_open_device_at(job_.directory->get(), job_.name.c_str());
  if (opened.errno_value != 0) throw call_error("open", job_.name.c_str(), opened.errno_value);
  fd_ = std::move(opened.fd);
  start(device_size(fd_.get()).value_or(kBoundless));
}

void StreamedFile::open() {
  if (job_.kind == ContentKind::device) return open_device();
  OpenResult opened =
      try_open_source_at(job_.directory->get(), job_.name.c_str(), FileType::regular);
  if (opened.errno_value != 0) throw call_error("open", job_.name.c_str(), opened.errno_value);
  fd_ = std::move(opened.fd);
  const Metadata now = stat_fd(fd_.get());
  if (now.type != FileType::regular) throw Error(ErrorKind::failed, "is no regular file any more");
  was_changed_ = was_changed_ || !is_same_state(job_.metadata, now);
  job_.metadata = now;
  start(job_.kind == ContentKind::kernel_text ? kBoundless : now.size);
}

void StreamedFile::start(std::uint64_t size) {
  size_ = size;
  // What is not read by positions is read through.
  tells_holes_ = job_.kind != ContentKind::file || tells_holes(fd_.get());
  short_holes_ = 0;
  ahead_.clear();
  offset_ = 0;
  data_end_ = 0;
  carry_.clear();
  is_at_end_ = false;
  has_changed_ = false;
}

/// Reads and cuts more of the current data extent; false if the file ended early.
bool StreamedFile::fill_from_extent(Segment& segment) {
  const std::size_t target = std::max(kSegmentBytes, 2 * rule_.chunker.max_chunk_size());
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(
      data_end_ - offset_, target - std::min(target, segment.buffer.size() + carry_.size())));
  const std::size_t start = segment.buffer.size();
  segment.buffer.insert(segment.buffer.end(), carry_.begin(), carry_.end());
  segment.buffer.resize(start + carry_.size() + wanted);
  const std::size_t fresh = start + carry_.size();
  const MutableByteView room = MutableByteView(segment.buffer).subspan(fresh);
  // Not every device knows positions.
  const std::size_t got = job_.kind == ContentKind::file ? read_at(fd_.get(), room, offset_)
                                                         : read_up_to(fd_.get(), room);
  segment.buffer.resize(fresh + got);
  carry_.clear();
  offset_ += got;
  const bool is_cut_short = got < wanted;
  if (!tells_holes_) end_data_at_zeros(segment, fresh);  // may take some of it back
  const bool at_end = is_cut_short || offset_ == data_end_;
  const ByteView data = ByteView(segment.buffer).subspan(start);
  const std::size_t used =
      cut_pieces(rule_, data, static_cast<std::uint32_t>(start), at_end, segment.pieces);
  carry_.assign(data.begin() + static_cast<std::ptrdiff_t>(used), data.end());
  segment.buffer.resize(start + used);
  return !is_cut_short;
}

void StreamedFile::end_of_content() {
  is_at_end_ = true;
  if (job_.kind == ContentKind::file) {
    const Metadata after = stat_fd(fd_.get());
    has_changed_ = !is_same_state(job_.metadata, after) || offset_ != after.size;
    job_.metadata = after;
  }
  job_.metadata.size = offset_;
  if (job_.kind == ContentKind::device) return;  // the flags of its node are not those of a file
  problems_ = read_extended(fd_.get(), job_.metadata);
}

/// Finds the next data to read; a hole that is worth keeping becomes a piece.
void StreamedFile::next_extent(Segment& segment) {
  if (job_.kind != ContentKind::file) {
    data_end_ = size_;
    return;
  }
  const Extent data = take_data();
  const std::uint64_t hole = data.offset - offset_;
  if (hole > 0) segment.pieces.push_back({true, {}, 0, hole});
  offset_ = data.offset;
  data_end_ = data.offset + data.length;
  // Holes that are not kept are read as zeros together with the data around them.
  while (data_end_ < size_) {
    look_ahead(data_end_);
    const Extent next = ahead_.front();
    if (next.length == 0 || keeps_hole(next.offset - data_end_)) break;
    ahead_.pop_front();
    data_end_ = next.offset + next.length;
  }
}

/// The data at or after `offset_`.
Extent StreamedFile::take_data() {
  if (!tells_holes_) return next_nonzero(fd_.get(), offset_, size_);
  look_ahead(offset_);
  const Extent data = ahead_.front();
  ahead_.pop_front();
  return data;
}

/// Asks where data lies from `offset` on, many extents before they are read: the kernel reads
/// ahead, and preallocated blocks that lie in the cache count as data.
void StreamedFile::look_ahead(std::uint64_t offset) {
  if (!ahead_.empty()) return;
  do {
    ahead_.push_back(next_data(fd_.get(), offset, size_));
    offset = ahead_.back().offset + ahead_.back().length;
  } while (offset < size_ && ahead_.size() < kExtentsAhead);
}

bool StreamedFile::keeps_hole(std::uint64_t length) {
  if (length == 0) return false;  // written since the end of the data was asked for
  if (length >= kLongHoleBytes) return true;
  if (short_holes_ >= kFreeShortHoles + data_end_ / kLongHoleBytes) return false;
  ++short_holes_;
  return true;
}

/// Lets the data end where zeros begin in what was just read, from `fresh` on in the buffer.
void StreamedFile::end_data_at_zeros(Segment& segment, std::size_t fresh) {
  const ByteView read = ByteView(segment.buffer).subspan(fresh);
  const std::size_t kept =
      fresh + find_zero_run(read, offset_ - read.size(), static_cast<std::size_t>(kLongHoleBytes));
  if (kept == segment.buffer.size()) return;
  offset_ -= segment.buffer.size() - kept;
  data_end_ = offset_;
  segment.buffer.resize(kept);
}

void StreamedFile::read_more(Segment& segment) {
  if (!fd_.is_open()) open();
  while (!is_at_end_ && segment.buffer.size() < kSegmentBytes) {
    if (offset_ == data_end_ && offset_ < size_) next_extent(segment);
    const bool is_cut_short = offset_ < data_end_ && !fill_from_extent(segment);
    if (is_cut_short || offset_ >= size_) end_of_content();
    if (!is_at_end_ && !carry_.empty()) return;  // the segment is full up to its last certain cut
  }
}

Segment StreamedFile::read_segment() {
  Segment segment;
  try {
    read_more(segment);
    segment.is_last = is_at_end_;
  } catch (const Error& error) {  // per item
    segment.error = error.what();
    segment.is_last = true;
  }
  return segment;
}

}  // namespace coppice
