#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "restore/block_writer.h"
#include "restore/output_file.h"
#include "snapshot/tree_reader.h"

namespace coppice {

/// Restores the content of files: finds the place of every chunk that is to be written, and has
/// each block written to all its places, in parallel, in an order in which each block is opened
/// about once.
/// Memory: 72 bytes for each of at most RestoreWindow::chunk_places placements, and what
/// BlockWriter takes per worker. One thread owns it.
class ContentPass {
 public:
  explicit ContentPass(RestoreContext& context) : context_(context) {}

  /// Restores these files: regular ones whose action is not `settled`. All are finished when it
  /// returns. Throws only what ends the restore.
  void run(const std::vector<PlannedEntry*>& entries);

 private:
  void plan_round();
  /// False if the round is full before the file's end.
  bool plan_file(OutputFile& file);
  void plan_extent(OutputFile& file, const ContentExtent& extent);
  void end_file(OutputFile& file);
  void run_round();

  RestoreContext& context_;
  std::deque<OutputFile> files_;
  std::size_t next_file_ = 0;
  // Of the file that is being planned; it may take several rounds.
  std::optional<ContentCursor> extents_;
  std::uint64_t offset_ = 0;
  std::size_t extent_number_ = 0;
  // The round.
  std::vector<ChunkPlacement> placements_;
  std::vector<OutputFile*> finishable_;
};

}  // namespace coppice
