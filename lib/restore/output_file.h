#pragma once
#include <span>

#include "restore/planned_window.h"
#include "restore/restore_context.h"

namespace coppice {

/// Bytes and where in the file they go.
struct Fragment {
  std::uint64_t offset = 0;
  ByteView bytes;
};

/// A regular file while it is restored. The executor says how many pieces there will be, workers
/// write them in any order, and whoever settles the last one gives the file its metadata, closes it
/// and counts it. It is created when its first piece is written, so a file none of whose bytes can
/// be had never appears. Its descriptor may be closed between two pieces, so that the number of
/// open files stays bounded.
///
/// The modification time is set last: an interrupted file never looks finished.
class OutputFile {
 public:
  /// Both must outlive this. Requires an action other than `settled`.
  OutputFile(RestoreContext& context, PlannedEntry& entry) : context_(context), entry_(entry) {}

  const PlannedEntry& entry() const { return entry_; }

  // ---- executor
  /// One more piece will be settled, ending at `end`.
  void expect_piece(std::uint64_t end);
  /// Nothing more is expected. True if all is settled already: then `finish` is to be called.
  bool end_planning();

  // ---- any thread
  /// Writes and settles that many pieces. A file that could not be written swallows the rest.
  /// Throws only what ends the restore.
  void write(std::span<const Fragment> fragments, std::size_t pieces);
  /// Settles a piece that cannot be had.
  void lose_piece(std::uint64_t offset, std::uint64_t length);
  /// Counts a range that is lost and was never expected as a piece.
  void lose_range(std::uint64_t offset, std::uint64_t length);
  /// Makes the file complete, or clears up what could not be completed.
  void finish();

 private:
  struct State {
    Fd fd;
    unsigned users = 0;
    std::uint64_t expected = 0;
    std::uint64_t settled = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t lost_bytes = 0;
    std::uint64_t first_lost = 0;
    std::uint64_t data_end = 0;  ///< of the pieces
    bool is_planned = false;
    bool is_begun = false;
    bool has_failed = false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    bool is_complete() const { return is_planned && settled == expected; }
  };

  int acquire(std::size_t pieces);
  void settle(std::size_t pieces, std::uint64_t bytes, bool used);
  void open(State& state, bool is_whole_at_once);
  void begin(State& state, bool is_whole_at_once);
  Fd create(State& state);
  Fd open_existing() const;
  void close(State& state);
  void fail(State& state, const Error& error);
  void finish_locked(State& state);
  void finish_whole(State& state);
  void set_metadata(int fd);
  void finish_incomplete(State& state);
  std::string keep_incomplete(const State& state);
  const std::string& written_name() const {
    return temporary_name_.empty() ? entry_.node.name : temporary_name_;
  }

  RestoreContext& context_;
  PlannedEntry& entry_;
  std::string temporary_name_;  // of a file that replaces another; set by begin
  Guarded<State> state_;
};

}  // namespace coppice
