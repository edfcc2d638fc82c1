#include "backup/backup.h"

#include <algorithm>

#include "backup/archiver.h"
#include "backup/rescue.h"
#include "base/error.h"
#include "base/text.h"
#include "fs/xattr.h"
#include "repo/chunk_reader.h"
#include "repo/chunk_writer.h"
#include "repo/session_beat.h"
#include "snapshot/stored_metadata.h"
#include "task/bounded_queue.h"
#include "task/stage.h"

namespace coppice {
namespace {

/// Units of the walk that may be in flight: each holds at most about 1 MiB of file contents and 512
/// entries.
constexpr std::size_t kUnitsInFlight = 12;
/// What this backup counted on was deleted and removed meanwhile, because a collector saw no sign
/// of its life: so often the sources are read again, which stores only what is missing then.
constexpr int kAttempts = 16;

/// A record with the names that the options give, sorted.
SnapshotRecord record_of_names(const BackupOptions& options) {
  SnapshotRecord record;
  record.host = options.host;
  for (const BackupSource& source : options.sources) record.paths.push_back(source.recorded_path);
  if (options.stream) record.paths.push_back(options.stream->recorded_path);
  std::sort(record.paths.begin(), record.paths.end());
  record.tags = options.tags;
  return record;
}

/// Throws Error{usage} if no tree can hold a component of it.
void check_recorded_path(const std::string& path) {
  for (std::string& name : path_components(path)) {
    Node node;
    node.name = std::move(name);
    const std::string_view problem = node_problem(node);
    if (problem.empty()) continue;
    throw Error(ErrorKind::usage, "a snapshot cannot hold the path " + escape_for_display(path) +
                                      ": " + std::string(problem));
  }
}

/// Everything that one attempt needs and the next one needs anew.
class BackupJob {
 public:
  BackupJob(Repository& repository, ThreadPool& pool, const BackupOptions& options,
            FindingSink& findings)
      : repository_(repository), pool_(pool), options_(options), findings_(findings) {}

  /// Nothing if a collector deleted what was counted on.
  std::optional<BackupResult> run();

 private:
  Node archive(ChunkSink& chunks, SnapshotSummary& summary);
  void walk_into(Archiver& archiver, const ChangeRule& rule, const CutRule& cut, TaskGroup& tasks);
  /// True if this slot may read what it compresses against.
  bool can_make_deltas() const;
  ChunkWriterOptions writer_options();
  SnapshotRecord make_record(const Node& root, const SnapshotSummary& summary) const;
  std::optional<BackupResult> append(ChunkWriter& writer, const SnapshotRecord& record);
  bool append_whole(LogAppend& entry, const SnapshotBody& body);

  Repository& repository_;
  ThreadPool& pool_;
  const BackupOptions& options_;
  FindingSink& findings_;
  LoadedIndex loaded_;
  std::optional<BlockSource> blocks_;  // reads what the index tells of
  Timestamp began_;
  std::uint64_t began_ns_ = 0;
};

void BackupJob::walk_into(Archiver& archiver, const ChangeRule& rule, const CutRule& cut,
                          TaskGroup& tasks) {
  BoundedQueue<WalkUnit> units(kUnitsInFlight);
  Walk walk(options_, rule, cut, tasks, [&](WalkUnit unit) { return units.push(std::move(unit)); });
  Stage walker([&] { walk.run(); }, [&] { units.close(); });
  try {
    while (auto unit = units.pop()) archiver.take(std::move(*unit));
  } catch (...) {
    units.close();  // releases the walker, which the Stage then waits for
    throw;
  }
  walker.join();
}

Node BackupJob::archive(ChunkSink& chunks, SnapshotSummary& summary) {
  const Keyring& keyring = repository_.keyring();
  ChunkReader reader(*blocks_, keyring);
  StoredMetadata metadata(reader);
  const Chunker chunker = repository_.chunker();
  const CutRule cut{chunker, keyring.identity(ChunkClass::data)};
  const ChangeRule rule{options_.ignore_inode,
                        options_.ignore_ctime,
                        options_.read_special,
                        &loaded_.index,
                        &metadata,
                        options_.clock};
  TaskGroup tasks(pool_);
  Archiver archiver(options_, keyring.identity(ChunkClass::metadata), cut, tasks, chunks,
                    can_make_deltas() ? &metadata : nullptr, findings_);
  if (options_.stream) {
    archiver.take_stream(*options_.stream);
  } else {
    walk_into(archiver, rule, cut, tasks);
  }
  if (options_.stop != nullptr) options_.stop->check();
  if (archiver.sources_read() == 0) {
    throw Error(ErrorKind::failed, "nothing could be read, so no snapshot was made");
  }
  Node root = archiver.finish();
  summary = archiver.summary();
  return root;
}

bool BackupJob::can_make_deltas() const {
  const std::uint64_t epoch = repository_.state().newest_epoch();
  return repository_.keyring().class_key(epoch, ChunkClass::data) != nullptr;
}

ChunkWriterOptions BackupJob::writer_options() {
  const Parameters& parameters = repository_.parameters();
  ChunkWriterOptions options;
  options.compression_level = options_.compression_level.value_or(parameters.compression_level);
  options.cipher = parameters.cipher;
  options.parity = repository_.parity();
  options.limit_bytes_per_second = options_.limit_bytes_per_second;
  if (can_make_deltas()) options.bases = &*blocks_;
  options.neighbours = loaded_.adopted.get();
  return options;
}

SnapshotRecord BackupJob::make_record(const Node& root, const SnapshotSummary& summary) const {
  SnapshotRecord record = record_of_names(options_);
  record.is_time_given = options_.time.has_value();
  record.is_incomplete = summary.error_count > 0;
  record.lacks_trusted_xattrs = !options_.stream && !sees_trusted_xattrs();
  record.time = options_.time.value_or(began_);
  record.utc_offset_minutes = local_utc_offset_minutes(record.time);
  record.user = options_.user;
  record.root = root;
  record.parent = options_.parent_id;
  record.summary = summary;
  record.summary.duration_ms = (options_.clock->monotonic_ns() - began_ns_) / 1'000'000;
  record.program_version = options_.program_version;
  return record;
}

std::optional<BackupResult> BackupJob::append(ChunkWriter& writer, const SnapshotRecord& record) {
  const Keyring& keyring = repository_.keyring();
  SnapshotBody body;
  body.record =
      encode_snapshot(record, keyring.signing_key(), keyring.repository(), keyring.slot());
  body.sessions = loaded_.adopted->boxes();
  if (const auto box = writer.session_box()) body.sessions.push_back(*box);
  LogAppend entry;
  entry.type = LogEntryType::snapshot;
  entry.adds = writer.take_objects();
  for (const auto& [name, object] : loaded_.adopted->objects()) entry.adds.push_back(object);
  entry.body = encode_snapshot_body(body);
  if (!append_whole(entry, body)) return std::nullopt;
  BackupResult result;
  result.summary = record.summary;
  result.snapshot_id = snapshot_id(keyring.family().metadata_id_key, body.record);
  result.record = record;
  result.makes_deltas = can_make_deltas();
  return result;
}

/// Appends once nothing that the snapshot needs is condemned or deleted; false if some of it is
/// gone for good.
bool BackupJob::append_whole(LogAppend& entry, const SnapshotBody& body) {
  std::set<Id> own_sessions;
  for (const SessionBox& box : body.sessions) own_sessions.insert(box.session);
  Rescue rescue(repository_, loaded_, entry);
  while (true) {
    repository_.refresh();
    if (!rescue.run(own_sessions)) return false;
    bool is_late = false;
    try {
      repository_.append([&](const LogState& state) {
        is_late = rescue.is_needed(state);
        if (is_late) throw Error(ErrorKind::failed, "a collector was faster");
        return entry;
      });
      return true;
    } catch (const Error&) {
      if (!is_late) throw;
    }
  }
}

std::optional<BackupResult> BackupJob::run() {
  began_ = options_.clock->now();
  began_ns_ = options_.clock->monotonic_ns();
  std::optional<Session> session;
  std::optional<SessionBeat> beat;
  if (!options_.is_dry_run) {
    session = repository_.begin_session(system_random(), options_.host, began_);
    // Before the log is read: a collector that does not see this marker is one whose entry is read.
    beat.emplace(repository_.store(), session->id);
    repository_.refresh();
  }
  loaded_ =
      repository_.load_index({!options_.is_dry_run, options_.index_cache_directory}, findings_);
  if (options_.after_index_loaded) options_.after_index_loaded();
  blocks_.emplace(repository_.store(), loaded_.index, repository_.secrets());
  SnapshotSummary summary;
  if (options_.is_dry_run) {
    DryRunSink counting(loaded_.index);
    const Node root = archive(counting, summary);
    summary.data_added = counting.raw_bytes();
    BackupResult result;
    result.record = make_record(root, summary);
    result.summary = result.record.summary;
    return result;
  }
  ChunkWriter writer(repository_.store(), pool_, repository_.keyring(), loaded_.index,
                     std::move(*session), writer_options());
  StoringSink storing(writer);
  const Node root = archive(storing, summary);
  writer.finish();
  summary.data_added = writer.raw_bytes();
  summary.data_added_packed = writer.packed_bytes();
  return append(writer, make_record(root, summary));
}

}  // namespace

void check_names(const BackupOptions& options) {
  if (const auto problem = problem_of_names(record_of_names(options)); !problem.empty()) {
    throw Error(ErrorKind::usage, "a snapshot cannot hold " + std::string(problem));
  }
  for (const BackupSource& source : options.sources) {
    // A live path that is impossible is a missing source: reported, and the others backed up.
    if (source.recorded_path != source.live_path) check_recorded_path(source.recorded_path);
  }
  if (options.stream) check_recorded_path(options.stream->recorded_path);
}

BackupResult run_backup(Repository& repository, ThreadPool& pool, const BackupOptions& options,
                        FindingSink& findings) {
  check_names(options);
  if (repository.state().is_read_only()) {
    throw Error(ErrorKind::newer_version,
                "the repository was written by a newer coppice; this one only reads it");
  }
  if (!options.stream && !sees_trusted_xattrs()) {
    findings.report({Finding::Weight::note, "trusted_invisible", "",
                     "attributes trusted.* are visible to root only (CAP_SYS_ADMIN): this backup "
                     "is without them"});
  }
  for (int attempt = 1;; ++attempt) {
    if (auto result = BackupJob(repository, pool, options, findings).run()) {
      if (!options.is_dry_run) repository.maintain(findings);
      return *result;
    }
    if (attempt == kAttempts || options.stream) {
      throw Error(ErrorKind::failed,
                  "what this backup counted on was collected meanwhile: a collector saw no sign of "
                  "life of it (was this machine asleep, or the target away?); run it again");
    }
    repository.refresh();
  }
}

}  // namespace coppice
