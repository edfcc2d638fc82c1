#pragma once
#include <deque>
#include <string>
#include <vector>

#include "backup/small_files.h"
#include "fs/holes.h"

namespace coppice {

/// Part of a large file: pieces in order and the bytes of its chunks.
struct Segment {
  UnsetBytes buffer;
  std::vector<Piece> pieces;
  bool is_last = false;
  std::string
      error;  ///< not empty: the file cannot be read any further, and this segment is the last
};

/// Reads one large file, or a device, segment by segment; each call continues where the one before
/// ended, so the calls may come from different threads, one at a time. Holes stay holes and restart
/// the chunker; where the file system tells of none, runs of 64 KiB of zeros count as holes. So
/// that a shredded file does not become millions of chunks, holes below 64 KiB are zeros once there
/// were 1024 and one for every 64 KiB so far. A device or kernel text has no holes. Memory: one
/// segment of about 4 MiB (more for chunk sizes above 1 MiB).
class StreamedFile {
 public:
  StreamedFile(CutRule rule, SmallFileJob job) : rule_(rule), job_(std::move(job)) {}

  /// A file that cannot be opened or read says so in the segment: this runs in a worker, and a file
  /// that fails must not be taken for a target that fails.
  Segment read_segment();
  /// True if the file was another one when its reading began than when the walk saw it.
  bool was_changed() const { return was_changed_; }
  /// After the last segment: true if the file is another one now than when its reading began.
  bool has_changed() const { return has_changed_; }
  /// Lets the next segment be the first again, of what is there then.
  void restart() { fd_ = Fd(); }

  /// After the last segment: what belongs to the bytes read, with extended metadata.
  const Metadata& metadata() const { return job_.metadata; }
  const MetadataProblems& problems() const { return problems_; }
  const std::string& name() const { return job_.name; }

 private:
  void open();
  void open_device();
  void start(std::uint64_t size);
  void read_more(Segment& segment);
  void next_extent(Segment& segment);
  Extent take_data();
  void look_ahead(std::uint64_t offset);
  bool fill_from_extent(Segment& segment);
  bool keeps_hole(std::uint64_t length);
  void end_data_at_zeros(Segment& segment, std::size_t fresh);
  void end_of_content();

  CutRule rule_;
  SmallFileJob job_;
  Fd fd_;
  std::uint64_t size_ = 0;      // when the reading began; boundless where it is not told
  std::uint64_t offset_ = 0;    // next byte to read
  std::uint64_t data_end_ = 0;  // end of the data extent that is being read
  Bytes carry_;                 // read but not cut yet
  bool is_at_end_ = false;
  bool tells_holes_ = true;
  std::deque<Extent> ahead_;       // of data, still to be read
  std::uint64_t short_holes_ = 0;  // kept so far
  bool was_changed_ = false;
  bool has_changed_ = false;
  MetadataProblems problems_;
};

}  // namespace coppice
