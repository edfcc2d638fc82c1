#pragma once
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "prune/prune.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "support/repository_fixture.h"
#include "support/scratch_dir.h"
#include "support/thrown_error.h"

/// A directory that is backed up, forgotten and collected, by machines that each have a view of
/// their own.
namespace coppice::test {

/// Time that passes only when somebody sleeps.
class SleepClock final : public Clock {
 public:
  Timestamp now() const override { return {1'800'000'000 + ns_ / 1'000'000'000, 0}; }
  std::uint64_t monotonic_ns() const override { return static_cast<std::uint64_t>(ns_); }
  WatchTime watch() {
    return {this, [this](std::chrono::milliseconds time) {
              ns_ += time.count() * 1'000'000;
              if (on_sleep) on_sleep();
            }};
  }
  std::function<void()> on_sleep;

 private:
  std::int64_t ns_ = 0;
};

/// Where backups write and where they were wrong to rely on it, all of it in memory.
class PruneWorld {
 public:
  PruneWorld() { std::filesystem::create_directories(root_); }

  /// Another machine with the same keys.
  std::unique_ptr<Repository> machine() { return machine(fixture.faults()); }
  std::unique_ptr<Repository> machine(Store& store) {
    return Repository::open(store, RepositoryFixture::credential(), {}, findings);
  }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(root_ + "/" + name, std::ios::binary | std::ios::trunc) << bytes;
  }

  BackupOptions backup_options() const {
    BackupOptions options;
    options.sources.push_back({root_, "/"});
    options.host = "host";
    return options;
  }
  BackupResult backup(Repository& repository, const BackupOptions& options) {
    BackupResult result = run_backup(repository, fixture.pool(), options, findings);
    contents_[*result.snapshot_id] = read_directory();
    return result;
  }
  Id backup(Repository& repository) { return *backup(repository, backup_options()).snapshot_id; }
  /// What the snapshot is expected to hold.
  void expect(const Id& snapshot, const std::map<std::string, std::string>& files) {
    contents_[snapshot] = files;
  }

  static void mark(Repository& repository, LogEntryType type, const std::vector<Id>& snapshots) {
    repository.append([&](const LogState&) {
      return LogAppend{type, {}, {}, {}, encode_names(snapshots)};
    });
  }
  static void forget(Repository& repository, const std::vector<Id>& snapshots) {
    mark(repository, LogEntryType::forget, snapshots);
  }

  PruneOptions prune_options() {
    PruneOptions options;
    options.limits.max_unused.percent = 0;
    options.time = clock.watch();
    return options;
  }
  PruneResult prune(Repository& repository) {
    return run_prune(repository, prune_options(), findings);
  }

  std::map<std::string, std::string> read_directory() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(root_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return files;
  }

  /// Restores every visible snapshot and compares it with what was backed up.
  void expect_all_whole() { expect_all_whole(fixture.faults()); }
  void expect_all_whole(Store& store) {
    const auto repository = machine(store);
    const LoadedIndex loaded = repository->load_index({}, findings);
    BlockSource blocks(repository->store(), loaded.index, repository->secrets());
    ChunkReader chunks(blocks, repository->keyring());
    StoredMetadata trees(chunks);
    for (const LoggedSnapshot* logged : repository->state().visible_snapshots()) {
      CHECK(read_snapshot(trees, chunks, decode_snapshot(logged->record).root) ==
            contents_.at(logged->id));
    }
    CHECK_MESSAGE(findings.count(Finding::Weight::damaged) == 0, findings.text());
  }

  std::size_t visible() { return machine()->state().visible_snapshots().size(); }
  std::uint64_t stored_bytes() {
    std::uint64_t total = 0;
    for (const ObjectInfo& object : fixture.faults().list("")) total += object.size;
    return total;
  }
  std::size_t files(const std::string& prefix = "") { return fixture.faults().list(prefix).size(); }

  RepositoryFixture fixture;
  FindingList findings;
  SleepClock clock;

 private:
  static std::map<std::string, std::string> read_snapshot(MetadataSource& trees,
                                                          ChunkReader& chunks, const Node& root) {
    std::map<std::string, std::string> files;
    TreeCursor nodes(trees, *root.subtree);
    while (const Node* node = nodes.next()) {
      std::string& bytes = files[node->name];
      ContentCursor cursor(trees, *node);
      while (const ContentExtent* extent = cursor.next()) {
        bytes += extent->is_hole ? std::string(static_cast<std::size_t>(extent->length), '\0')
                                 : std::string(as_text(chunks.get(ChunkClass::data, extent->id)));
      }
    }
    return files;
  }

  ScratchDir scratch_;
  std::string root_ = scratch_ / "src";
  std::map<Id, std::map<std::string, std::string>> contents_;
};

class Versions : public PruneWorld {
 public:
  /// Two snapshots of "a", which the second holds as a delta, with another file beside it.
  std::vector<Id> back_up_versions(Repository& here, const std::string& beside = "") {
    std::string bytes = noise(600'000, 1);
    write("a", bytes);
    const BackupResult first = backup(here, backup_options());
    for (std::size_t i = 5; i < bytes.size(); i += 30'000) ++bytes[i];
    ++bytes.back();
    write("a", bytes);
    write("beside", beside);
    BackupOptions options = backup_options();
    options.parent_root = first.record.root;
    const BackupResult second = backup(here, options);
    REQUIRE(here.load_index({}, findings).index.has_deltas());
    return {*first.snapshot_id, *second.snapshot_id};
  }
};

}  // namespace coppice::test
