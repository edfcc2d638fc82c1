#pragma once
#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "fs/fd.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "repo/object_names.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "support/repository_fixture.h"
#include "support/scratch_dir.h"

/// A directory that is changed and backed up again and again, and what that costs.
namespace coppice::test {

constexpr std::uint64_t kSmall = 100'000;  // bytes of packs: trees, table, padding, and few changes
constexpr std::size_t kFileSize = 1'200'000;  // packs of it have no second copy

/// Long enough after the files were made for their ctime to be settled.
class SettledClock final : public Clock {
 public:
  Timestamp now() const override {
    Timestamp now = system_clock().now();
    now.seconds += 3600;
    return now;
  }
  std::uint64_t monotonic_ns() const override { return system_clock().monotonic_ns(); }
};

inline const SettledClock kSettled;

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// The same bytes, but for one in each 30,000 and the last: as chunks have 32 KiB or more, and only
/// the last may be shorter, none of them stays as it was.
inline std::string touched(std::string bytes, std::size_t first = 5) {
  for (std::size_t at = first; at < bytes.size(); at += 30'000) ++bytes[at];
  ++bytes.back();
  return bytes;
}

/// The same bytes, but for this share of each thousand.
inline std::string partly_new(std::string bytes, double share) {
  const auto run = static_cast<std::size_t>(1000 * share);
  const std::string fresh = noise(bytes.size(), 9);
  for (std::size_t at = 0; at + run <= bytes.size(); at += 1000)
    bytes.replace(at, run, fresh, at, run);
  return bytes;
}

/// What one backup made.
struct Version {
  Node root;
  std::uint64_t added = 0;   ///< raw bytes of new chunks
  std::uint64_t packed = 0;  ///< bytes of new packs
  SnapshotSummary summary;
};

/// How the new chunks of a class lie in the blocks that a backup added.
struct Blocks {
  std::size_t plain = 0;
  std::size_t deltas = 0;
};

/// A directory, a repository, and backups of the one into the other, each with the last as parent.
/// The directory is recorded as "/": others change what is above it.
class DeltaWorld {
 public:
  DeltaWorld() { std::filesystem::create_directories(root_); }

  std::string path(const std::string& name) const { return root_ + "/" + name; }
  void write(const std::string& name, const std::string& bytes) const {
    write_file(path(name), bytes);
  }

  Version backup() {
    BackupOptions options;
    options.sources.push_back({root_, "/"});
    return run(std::move(options));
  }

  Version backup_stream(const std::string& bytes) {
    write_file(scratch_ / "stream", bytes);
    const Fd fd = open_at(AT_FDCWD, (scratch_ / "stream").c_str(), O_RDONLY);
    BackupOptions options;
    options.stream = StreamSource{fd.get(), "/dumps/db.sql", {}};
    return run(std::move(options));
  }

  /// The packs that are there now count as known from here on.
  void note_packs() {
    for (const std::string& name : packs()) known_packs_.insert(name);
  }
  std::vector<std::string> packs() {
    std::vector<std::string> names;
    for (const ObjectInfo& object : fixture_.faults().list("packs/")) {
      if (!object.name.ends_with(".copy")) names.push_back(object.name);
    }
    return names;
  }
  void lose_known_packs() {
    for (const std::string& name : known_packs_) {
      fixture_.faults().hide(name);
      fixture_.faults().hide(copy_name(name));
    }
  }

  LoadedIndex load(bool for_writing = false) {
    return fixture_.repository().load_index({for_writing, ""}, findings_);
  }
  /// Blocks in packs that are not known.
  Blocks new_blocks(ChunkClass chunk_class) {
    Blocks count;
    const LoadedIndex loaded = load();
    for (const IndexRun& run : loaded.index.runs()) {
      for (const BlockRecord& block : run.blocks()) {
        if (static_cast<ChunkClass>(block.chunk_class) != chunk_class) continue;
        if (known_packs_.contains(pack_name(run.packs()[block.pack].name))) continue;
        ++((block.encoding & kEncodingDelta) != 0 ? count.deltas : count.plain);
      }
    }
    return count;
  }

  std::string content(const Version& version, const std::string& recorded_path) {
    const LoadedIndex loaded = load();
    BlockSource blocks(fixture_.repository().store(), loaded.index,
                       fixture_.repository().secrets());
    ChunkReader chunks(blocks, fixture_.repository().keyring());
    StoredMetadata metadata(chunks);
    const auto node = find_path(metadata, version.root, recorded_path);
    REQUIRE(node);
    std::string bytes;
    ContentCursor cursor(metadata, *node);
    while (const ContentExtent* extent = cursor.next()) {
      if (extent->is_hole) {
        bytes.append(static_cast<std::size_t>(extent->length), '\0');
      } else {
        bytes += as_text(chunks.get(ChunkClass::data, extent->id));
      }
    }
    return bytes;
  }

  RepositoryFixture& fixture() { return fixture_; }
  FindingList& findings() { return findings_; }
  void begin_anew() { parent_.reset(); }

 private:
  Version run(BackupOptions options) {
    options.host = "host";
    options.clock = &kSettled;
    options.parent_root = parent_;
    const BackupResult result =
        run_backup(fixture_.repository(), fixture_.pool(), options, findings_);
    CHECK(result.makes_deltas);
    parent_ = result.record.root;
    return {result.record.root, result.summary.data_added, result.summary.data_added_packed,
            result.summary};
  }

  ScratchDir scratch_;
  std::string root_ = scratch_ / "src";
  RepositoryFixture fixture_;
  FindingList findings_;
  std::optional<Node> parent_;
  std::set<std::string> known_packs_;
};

}  // namespace coppice::test
