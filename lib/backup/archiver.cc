#include "backup/archiver.h"

#include <algorithm>
#include <system_error>

#include "backup/base_finder.h"
#include "base/error.h"
#include "fs/fd.h"

namespace coppice {
namespace {

constexpr std::uint64_t kProgressIntervalNs = 200'000'000;

/// The old version's list of extents, if it is stored apart from the node.
std::optional<Reference> old_list(const Node* old) {
  return old == nullptr ? std::nullopt : old->content.reference;
}
std::optional<Reference> old_list(const WalkEvent& event) { return old_list(event.old.get()); }

}  // namespace

struct Archiver::OpenContent {
  OpenContent(PartSink sink, MetadataSource* source, const Node* old)
      : parts(std::move(sink)), writer(parts), bases(source, old) {}
  OpenContent(const OpenContent&) = delete;
  OpenContent& operator=(const OpenContent&) = delete;

  PartSink parts;
  ContentWriter writer;  // writes to `parts`
  BaseFinder bases;
};

Archiver::Archiver(const BackupOptions& options, const ChunkIdentity& metadata_identity,
                   CutRule cut, TaskGroup& tasks, ChunkSink& chunks, MetadataSource* old_metadata,
                   FindingSink& findings)
    : options_(options),
      metadata_identity_(metadata_identity),
      cut_(cut),
      tasks_(tasks),
      chunks_(chunks),
      old_metadata_(old_metadata),
      findings_(findings) {
  stack_.push_back({});
  stack_.back().node.meta.type = FileType::directory;
  open_tree(stack_.back(), options.parent_root ? options.parent_root->subtree : std::nullopt);
}

Id Archiver::put_metadata(ByteView encoded, std::span<const BaseHint> hints) {
  const Id id = metadata_identity_.id(encoded);
  if (chunks_.put(ChunkClass::metadata, id, encoded, hints)) ++summary_.tree_blobs;
  return id;
}

PartSink Archiver::part_sink(const std::optional<Reference>& old) {
  return PartSink([this](ByteView encoded,
                         std::span<const BaseHint> hints) { return put_metadata(encoded, hints); },
                  old_metadata_, old);
}

void Archiver::open_tree(OpenDirectory& directory, const std::optional<Reference>& old) {
  directory.parts = std::make_unique<PartSink>(part_sink(old));
  directory.tree = std::make_unique<TreeWriter>(*directory.parts);
}

void Archiver::report(const std::string& path, const std::string& code, const std::string& message,
                      Finding::Weight weight) {
  if (weight != Finding::Weight::note) ++summary_.error_count;
  findings_.report({weight, code, path, message});
}

void Archiver::progress(const std::string& path) {
  if (!options_.on_progress) return;
  const std::uint64_t now = options_.clock->monotonic_ns();
  if (now - last_progress_ns_ < kProgressIntervalNs) return;
  last_progress_ns_ = now;
  options_.on_progress({summary_.total_files_processed,
                        summary_.total_bytes_processed + bytes_in_hand_, chunks_.raw_bytes(),
                        summary_.error_count, path});
}

void Archiver::take(WalkUnit unit) {
  ReadBatch batch;
  if (unit.has_batch) batch = unit.batch.get();
  std::size_t next_file = 0;
  for (WalkEvent& event : unit.events) take_event(event, batch, next_file);
}

void Archiver::take_event(WalkEvent& event, ReadBatch& batch, std::size_t& next_file) {
  if (options_.stop != nullptr) options_.stop->check();
  progress(event.path);
  switch (event.kind) {
    case WalkEvent::Kind::enter_directory:
      return enter(event);
    case WalkEvent::Kind::leave_directory:
      return leave();
    case WalkEvent::Kind::complete:
      return complete(event);
    case WalkEvent::Kind::small_file:
      return small_file(event, batch.files[next_file++], batch.buffer);
    case WalkEvent::Kind::streamed_file:
      return streamed_file(event);
    case WalkEvent::Kind::problem:
      return report(event.problem.item, event.problem.code, event.problem.message,
                    event.problem.weight);
  }
}

void Archiver::enter(WalkEvent& event) {
  if (event.path == "/") {
    if (event.is_source && !event.node.incomplete) ++sources_read_;
    stack_.front().node = std::move(event.node);
    return;
  }
  OpenDirectory directory;
  directory.node = std::move(event.node);
  path_ = std::move(event.path);
  directory.path_length = path_.size();
  directory.was_known = event.was_known;
  directory.is_unchanged = event.is_unchanged;
  directory.is_source = event.is_source;
  open_tree(directory, event.old_tree);
  stack_.push_back(std::move(directory));
}

void Archiver::leave() {
  OpenDirectory directory = std::move(stack_.back());
  stack_.pop_back();
  path_.resize(stack_.back().path_length);
  directory.node.subtree = directory.tree->finish();
  if (directory.is_source && !directory.node.incomplete) ++sources_read_;
  count_directory(directory);
  add_node(std::move(directory.node));
}

void Archiver::count_directory(const OpenDirectory& directory) {
  if (!directory.was_known) {
    ++summary_.dirs_new;
  } else if (directory.is_unchanged) {
    ++summary_.dirs_unmodified;
  } else {
    ++summary_.dirs_changed;
  }
}

void Archiver::complete_node(Node& node) {
  node.user = users_.user_name(node.meta.uid);
  node.group = users_.group_name(node.meta.gid);
  node.has_atime = options_.with_atime;
}

void Archiver::add_node(Node node) {
  complete_node(node);
  try {
    stack_.back().tree->add(node);
  } catch (const Error& error) {  // per item: what the format cannot hold is reported and left out
    if (error.kind() != ErrorKind::failed || node_problem(node).empty()) throw;
    report(path_ + "/" + node.name, "cannot_be_recorded", error.what());
  }
}

void Archiver::complete(WalkEvent& event) {
  if (event.node.meta.type == FileType::regular) {
    ++(event.is_unchanged ? summary_.files_unmodified : summary_.files_new);
    ++summary_.total_files_processed;
    summary_.total_bytes_processed += event.node.meta.size;
  } else {
    ++(event.is_unchanged ? summary_.files_unmodified
                          : (event.was_known ? summary_.files_changed : summary_.files_new));
    ++summary_.total_files_processed;
  }
  if (event.is_source) ++sources_read_;
  add_node(std::move(event.node));
}

void Archiver::put_pieces(const std::vector<Piece>& pieces, ByteView buffer, OpenContent& content) {
  for (const Piece& piece : pieces) {
    if (!piece.is_hole) chunks_.expect(piece.id);
  }
  const bool is_all_stored = std::all_of(pieces.begin(), pieces.end(), [this](const Piece& piece) {
    return piece.is_hole || chunks_.is_stored(piece.id);
  });
  std::vector<std::vector<BaseHint>> hints(pieces.size());
  if (!is_all_stored) hints = content.bases.find(pieces, content.writer.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    if (piece.is_hole) {
      content.writer.add_hole(piece.length);
      continue;
    }
    const ByteView bytes = buffer.subspan(piece.offset, static_cast<std::size_t>(piece.length));
    if (chunks_.put(ChunkClass::data, piece.id, bytes, hints[i])) ++summary_.data_blobs;
    content.writer.add_chunk(piece.id, piece.length);
  }
  bytes_in_hand_ = content.writer.size();
}

void Archiver::small_file(WalkEvent& event, ReadFile& file, ByteView buffer) {
  if (file.errno_value != 0 || file.is_other_type) {
    const std::string why =
        file.is_other_type ? "is no regular file any more" : errno_text(file.errno_value);
    report(event.path, "read_failed", "cannot be read: " + why);
    return;
  }
  OpenContent content(part_sink(old_list(event)), old_metadata_, event.old.get());
  put_pieces(file.pieces, buffer, content);
  file.metadata.size = content.writer.size();
  report_change(event, file.was_changed, file.is_changing);
  add_file(event, std::move(file.metadata), content.writer.finish(), file.problems,
           file.is_changing);
}

std::optional<Content> Archiver::read_stream(std::future<Segment> next, const WalkEvent& event) {
  const std::string& path = event.path;
  OpenContent content(part_sink(old_list(event)), old_metadata_, event.old.get());
  for (;;) {
    const Segment segment = next.get();
    if (!segment.error.empty()) {
      report(path, "read_failed", "cannot be read: " + segment.error);
      return std::nullopt;
    }
    // The next segment is read while this one is looked up and gathered.
    if (!segment.is_last) next = submit_segment(tasks_, event.stream);
    put_pieces(segment.pieces, segment.buffer, content);
    if (segment.is_last) return content.writer.finish();
    if (options_.stop != nullptr) options_.stop->check();
    progress(path);
  }
}

void Archiver::streamed_file(WalkEvent& event) {
  StreamedFile& stream = *event.stream;
  std::optional<Content> content = read_stream(std::move(event.first_segment), event);
  bool was_changed = stream.was_changed();
  if (content && stream.has_changed()) {
    was_changed = true;
    stream.restart();
    content = read_stream(submit_segment(tasks_, event.stream), event);
  }
  if (!content) return;
  report_change(event, was_changed, stream.has_changed());
  add_file(event, stream.metadata(), std::move(*content), stream.problems(), stream.has_changed());
}

void Archiver::report_change(const WalkEvent& event, bool was_changed, bool is_changing) {
  if (is_changing) {
    report(event.path, "file_changing", "changed while it was read, twice; stored as it was read");
  } else if (was_changed) {
    report(event.path, "file_changed",
           "changed while it was read; stored as a second reading found it, whole");
  }
}

void Archiver::add_file(WalkEvent& event, Metadata metadata, Content content,
                        const MetadataProblems& problems, bool is_changing) {
  Node& node = event.node;
  node.meta = std::move(metadata);
  node.unsettled = is_unsettled(node.meta, event.began);
  node.content = std::move(content);
  node.incomplete = is_changing;
  for (const MetadataProblem& problem : problems) {
    report(event.path, "metadata_unreadable",
           problem.what + ": " + errno_text(problem.errno_value));
  }
  ++(event.was_known ? summary_.files_changed : summary_.files_new);
  ++summary_.total_files_processed;
  summary_.total_bytes_processed += node.meta.size;
  bytes_in_hand_ = 0;
  if (event.is_source) ++sources_read_;
  add_node(std::move(node));
}

/// The entry of that path in the parent snapshot.
std::optional<Node> Archiver::old_version(const std::string& path) const {
  if (old_metadata_ == nullptr || !options_.parent_root) return std::nullopt;
  try {
    return find_path(*old_metadata_, *options_.parent_root, path);
  } catch (const Error& error) {  // per item: without it, all is stored plain
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
    return std::nullopt;
  }
}

void Archiver::take_stream(const StreamSource& stream) {
  const std::optional<Node> old = old_version(stream.recorded_path);
  const Node* old_node = old ? &*old : nullptr;
  OpenContent content(part_sink(old_list(old_node)), old_metadata_, old_node);
  constexpr std::size_t kReadBytes = 4 << 20;
  const std::size_t capacity = std::max(kReadBytes, 2 * cut_.chunker.max_chunk_size());
  Bytes buffer;
  bool is_at_end = false;
  while (!is_at_end) {
    if (options_.stop != nullptr) options_.stop->check();
    const std::size_t kept = buffer.size();
    buffer.resize(capacity);
    const std::size_t got = read_up_to(stream.fd, MutableByteView(buffer).subspan(kept));
    buffer.resize(kept + got);
    is_at_end = got < capacity - kept;
    std::vector<Piece> pieces;
    const std::size_t used = cut_pieces(cut_, buffer, 0, is_at_end, pieces);
    put_pieces(pieces, buffer, content);
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(used));
    progress(stream.recorded_path);
  }
  if (stream.confirm) stream.confirm();
  const std::vector<std::string> components = path_components(stream.recorded_path);
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    WalkEvent folder;
    folder.node.name = components[i];
    folder.node.meta.type = FileType::directory;
    folder.node.meta.mode = 0755;
    folder.node.meta.mtime = options_.clock->now();
    folder.path = path_ + "/" + components[i];
    enter(folder);
  }
  WalkEvent file;
  file.path = stream.recorded_path;
  file.began = options_.clock->now();
  file.is_source = true;
  file.node.name = components.back();
  Metadata metadata;
  metadata.mode = 0600;
  metadata.size = content.writer.size();
  metadata.mtime = file.began;
  metadata.ctime = file.began;
  add_file(file, std::move(metadata), content.writer.finish(), {}, false);
  while (stack_.size() > 1) leave();
}

Node Archiver::finish() {
  if (stack_.size() != 1) throw Error(ErrorKind::failed, "the walk ended inside a directory");
  Node root = std::move(stack_.front().node);
  complete_node(root);
  root.subtree = stack_.front().tree->finish();
  return root;
}

}  // namespace coppice
