#pragma once
#include <string>
#include <vector>

#include "backup/backup.h"
#include "backup/chunk_sink.h"
#include "backup/part_sink.h"
#include "backup/walk.h"
#include "fs/users.h"
#include "snapshot/tree_writer.h"

namespace coppice {

/// The gathering stage of a backup: takes the walk's events in order, puts chunks, and builds the
/// trees from the leaves to the root. Owned by one thread.
class Archiver {
 public:
  /// `old_metadata` reads the parent snapshot's lists, for the bases of deltas; null: none are
  /// looked for.
  Archiver(const BackupOptions& options, const ChunkIdentity& metadata_identity, CutRule cut,
           TaskGroup& tasks, ChunkSink& chunks, MetadataSource* old_metadata,
           FindingSink& findings);

  /// Handles one unit of the walk.
  void take(WalkUnit unit);
  /// Adds a stream as the snapshot's only file.
  void take_stream(const StreamSource& stream);
  /// Ends the root tree: "/" itself.
  Node finish();

  /// Counters so far; those of bytes stored are the caller's to fill in.
  const SnapshotSummary& summary() const { return summary_; }
  /// Sources of which at least the entry itself was read.
  std::uint64_t sources_read() const { return sources_read_; }

 private:
  /// A directory that has been entered and not left.
  struct OpenDirectory {
    Node node;
    std::size_t path_length = 0;  // of its path, at the front of `path_`
    bool was_known = false;
    bool is_unchanged = false;
    bool is_source = false;
    std::unique_ptr<PartSink> parts;
    std::unique_ptr<TreeWriter> tree;  // writes to `parts`
  };
  /// The content of the file that is being gathered.
  struct OpenContent;

  void take_event(WalkEvent& event, ReadBatch& batch, std::size_t& next_file);
  void enter(WalkEvent& event);
  void leave();
  void complete(WalkEvent& event);
  void small_file(WalkEvent& event, ReadFile& file, ByteView buffer);
  void streamed_file(WalkEvent& event);
  /// Nothing if the file could not be read; that is then reported.
  std::optional<Content> read_stream(std::future<Segment> next, const WalkEvent& event);
  void put_pieces(const std::vector<Piece>& pieces, ByteView buffer, OpenContent& content);
  std::optional<Node> old_version(const std::string& path) const;
  Id put_metadata(ByteView encoded, std::span<const BaseHint> hints);
  PartSink part_sink(const std::optional<Reference>& old);
  void open_tree(OpenDirectory& directory, const std::optional<Reference>& old);
  void report_change(const WalkEvent& event, bool was_changed, bool is_changing);
  void add_file(WalkEvent& event, Metadata metadata, Content content,
                const MetadataProblems& problems, bool is_changing);
  void add_node(Node node);
  void complete_node(Node& node);
  void count_directory(const OpenDirectory& directory);
  void report(const std::string& path, const std::string& code, const std::string& message,
              Finding::Weight weight = Finding::Weight::partial);
  void progress(const std::string& path);

  const BackupOptions& options_;
  const ChunkIdentity& metadata_identity_;
  const CutRule cut_;
  TaskGroup& tasks_;
  ChunkSink& chunks_;
  MetadataSource* old_metadata_;
  FindingSink& findings_;
  UserNames users_;
  std::vector<OpenDirectory> stack_;  // [0] stands for "/"
  std::string path_;                  // of the directory entered last; "" for "/"
  SnapshotSummary summary_;
  std::uint64_t sources_read_ = 0;
  std::uint64_t bytes_in_hand_ = 0;  // of the file that is being read
  std::uint64_t last_progress_ns_ = 0;
};

}  // namespace coppice
