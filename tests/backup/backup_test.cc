#include "backup/backup.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "fs/fd.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "snapshot/listing.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "support/repository_fixture.h"
#include "support/scratch_dir.h"
#include "support/thrown_error.h"

using namespace coppice;
using namespace coppice::test;
namespace stdfs = std::filesystem;

namespace {

/// Long enough after the files were made for their ctime to be settled.
class LaterClock final : public Clock {
 public:
  Timestamp now() const override {
    Timestamp now = system_clock().now();
    now.seconds += 3600;
    return now;
  }
  std::uint64_t monotonic_ns() const override { return system_clock().monotonic_ns(); }
};

const LaterClock kLater;

void write(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

/// A directory with some of everything that needs no root.
struct SourceTreeFixture {
  ScratchDir scratch;
  std::string root = scratch / "src";

  SourceTreeFixture() {
    stdfs::create_directories(root + "/sub/deep");
    stdfs::create_directories(root + "/empty");
    write(root + "/a.txt", "hello");
    write(root + "/sub/b.bin", noise(2'000'000, 1));
    write(root + "/sub/c.txt", std::string(300'000, 'c'));
    write(root + "/sub/deep/new\nline\xff", "odd name");
    write(root + "/zero", "");
    stdfs::create_symlink("nowhere", root + "/link");
    REQUIRE(mkfifo((root + "/fifo").c_str(), 0600) == 0);
    write(root + "/sparse", "start");
    stdfs::resize_file(root + "/sparse", 10'000'000);
  }
};

BackupOptions options_for(const std::string& path) {
  BackupOptions options;
  options.sources.push_back({path, path});
  options.host = "host";
  options.clock = &kLater;
  return options;
}

/// The same, recorded where nothing that others change lies above it.
BackupOptions options_apart(const std::string& path) {
  BackupOptions options = options_for(path);
  options.sources.front().recorded_path = "/src";
  return options;
}

/// Reads a snapshot's files back through index and blocks.
class Reading {
 public:
  explicit Reading(Repository& repository)
      : loaded_(repository.load_index({}, findings_)),
        blocks_(repository.store(), loaded_.index, repository.secrets()),
        chunks_(blocks_, repository.keyring()),
        metadata_(chunks_) {}

  std::optional<Node> find(const Node& root, const std::string& path) {
    return find_path(metadata_, root, path);
  }
  std::string content(const Node& node) {
    std::string bytes;
    ContentCursor cursor(metadata_, node);
    while (const ContentExtent* extent = cursor.next()) {
      if (extent->is_hole) {
        bytes.append(static_cast<std::size_t>(extent->length), '\0');
      } else {
        bytes += as_text(chunks_.get(ChunkClass::data, extent->id));
      }
    }
    return bytes;
  }

 private:
  FindingList findings_;
  LoadedIndex loaded_;
  BlockSource blocks_;
  ChunkReader chunks_;
  StoredMetadata metadata_;
};

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a tree that was backed up reads back as it was") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  const BackupResult result =
      run_backup(fixture.repository(), fixture.pool(), options_for(source.root), findings);
  CHECK(findings.text().empty());
  CHECK(result.summary.files_new == 8);
  CHECK(result.summary.error_count == 0);
  Reading reading(fixture.repository());
  for (const std::string name :
       {"/a.txt", "/sub/b.bin", "/sub/c.txt", "/sub/deep/new\nline\xff", "/zero", "/sparse"}) {
    const auto node = reading.find(result.record.root, source.root + name);
    REQUIRE(node);
    CHECK(reading.content(*node) == file_bytes(source.root + name));
  }
  const auto sparse = reading.find(result.record.root, source.root + "/sparse");
  CHECK(sparse->content.extents.size() == 2);
  CHECK(sparse->content.extents.back().is_hole);
  CHECK(reading.find(result.record.root, source.root + "/link")->meta.symlink_target == "nowhere");
  CHECK(reading.find(result.record.root, source.root + "/fifo")->meta.type == FileType::fifo);
  CHECK(reading.find(result.record.root, source.root + "/empty")->subtree);
}

TEST_CASE("an unchanged tree costs nothing, a changed file only itself") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options = options_apart(source.root);
  const BackupResult first = run_backup(fixture.repository(), fixture.pool(), options, findings);
  options.parent_root = first.record.root;
  const BackupResult second = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK(second.record.root.subtree == first.record.root.subtree);
  CHECK(second.summary.files_unmodified == first.summary.files_new);
  CHECK(second.summary.data_added == 0);
  write(source.root + "/a.txt", "other");
  const BackupResult third = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK(third.summary.files_changed == 1);
  CHECK(third.summary.data_blobs == 1);
  Reading reading(fixture.repository());
  CHECK(reading.content(*reading.find(third.record.root, "/src/a.txt")) == "other");
  CHECK(reading.content(*reading.find(first.record.root, "/src/a.txt")) == "hello");
}

TEST_CASE("a file changed within the last minute is unsettled and is read again") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options = options_for(source.root);
  options.clock = &system_clock();
  const BackupResult first = run_backup(fixture.repository(), fixture.pool(), options, findings);
  options.parent_root = first.record.root;
  const BackupResult second = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK(second.summary.files_changed == first.summary.files_new);
  CHECK(second.summary.data_blobs == 0);
}

TEST_CASE("any number of workers makes the same trees and the same blocks") {
  const SourceTreeFixture source;
  std::vector<std::vector<std::uint32_t>> partitions;
  RepositoryFixture one;
  RepositoryFixture four;
  for (RepositoryFixture* fixture : {&one, &four}) {
    ThreadPool pool(fixture == &one ? 1 : 4);
    FindingList findings;
    run_backup(fixture->repository(), pool, options_apart(source.root), findings);
    std::vector<std::uint32_t> lengths;
    const LoadedIndex loaded = fixture->repository().load_index({}, findings);
    for (const IndexRun& run : loaded.index.runs()) {
      for (const BlockRecord& block : run.blocks()) lengths.push_back(block.raw_length);
    }
    partitions.push_back(lengths);
  }
  // Two repositories have different chunker secrets, so cuts differ; but blocks are closed at the
  // same places for the same repository: the second run of the same source into a third worker
  // count adds nothing.
  CHECK_FALSE(partitions[0].empty());
  ThreadPool pool(3);
  FindingList findings;
  BackupOptions options = options_apart(source.root);
  const BackupResult again = run_backup(four.repository(), pool, options, findings);
  CHECK(again.summary.data_added == 0);
}

TEST_CASE(
    "a missing source is named and the rest is backed up; with none left there is no snapshot") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options = options_for(source.root + "/sub");
  options.sources.push_back({source.root + "/gone", source.root + "/gone"});
  const BackupResult result = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK(findings.has("source_missing", source.root + "/gone"));
  CHECK(result.record.is_incomplete);
  CHECK(Reading(fixture.repository()).find(result.record.root, source.root + "/sub/c.txt"));
  const std::size_t snapshots = fixture.repository().state().snapshots.size();
  CHECK(kind_of([&] {
          run_backup(fixture.repository(), fixture.pool(), options_for(source.root + "/gone"),
                     findings);
        }) == ErrorKind::failed);
  CHECK(fixture.repository().state().snapshots.size() == snapshots);
}

TEST_CASE("a dry run tells what would be stored and stores nothing") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options = options_for(source.root);
  options.is_dry_run = true;
  const std::size_t objects = fixture.repository().store().list("").size();
  const BackupResult dry = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK_FALSE(dry.snapshot_id);
  CHECK(dry.summary.data_added > 2'000'000);
  CHECK(fixture.repository().store().list("").size() == objects);
}

TEST_CASE(
    "whatever call of the store fails, nothing committed is lost and the next backup goes "
    "through") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  const BackupResult first =
      run_backup(fixture.repository(), fixture.pool(), options_for(source.root + "/sub"), findings);
  bool is_hit = true;
  for (std::uint64_t at = 0; is_hit; ++at) {
    CAPTURE(at);
    write(source.root + "/a.txt", "version " + std::to_string(at));
    fixture.faults().fail({at, Error(ErrorKind::no_space, "full"), false, at % 2 == 1});
    const std::uint64_t hits = fixture.faults().fault_hits();
    bool is_committed = false;
    std::uint64_t snapshots = fixture.repository().state().snapshots.size();
    try {
      run_backup(fixture.repository(), fixture.pool(), options_for(source.root), findings);
      is_committed = true;
    } catch (const Error&) {
      fixture.repository().refresh();
    }
    is_hit = fixture.faults().fault_hits() > hits;
    fixture.faults().heal();
    fixture.repository().refresh();
    if (is_committed) CHECK(fixture.repository().state().snapshots.size() > snapshots);
    const BackupResult next =
        run_backup(fixture.repository(), fixture.pool(), options_for(source.root), findings);
    Reading reading(fixture.repository());
    CHECK(reading.content(*reading.find(next.record.root, source.root + "/a.txt")) ==
          "version " + std::to_string(at));
    CHECK(reading.content(*reading.find(first.record.root, source.root + "/sub/b.bin")) ==
          file_bytes(source.root + "/sub/b.bin"));
  }
}

TEST_CASE("what an interrupted backup stored is adopted by the next one") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  fixture.faults().fail({UINT64_MAX, Error(ErrorKind::failed, "never"), false, false});
  run_backup(fixture.repository(), fixture.pool(), options_for(source.root + "/sub"), findings);
  const std::uint64_t calls = fixture.faults().mutating_calls();
  write(source.root + "/sub/more", noise(3'000'000, 9));
  // The same backup again with one file more: its log entry is among the last calls. Fail there.
  bool is_adopted = false;
  for (std::uint64_t at = calls; at > 0 && !is_adopted; --at) {
    fixture.faults().fail({at, Error(ErrorKind::failed, "power cut"), true, false});
    bool is_failed = false;
    try {
      run_backup(fixture.repository(), fixture.pool(), options_for(source.root + "/sub"), findings);
    } catch (const Error&) {
      is_failed = true;
    }
    fixture.faults().heal();
    fixture.repository().refresh();
    if (!is_failed) {
      write(source.root + "/sub/more", noise(3'000'000, static_cast<std::uint32_t>(at) + 100));
      continue;
    }
    const LoadedIndex loaded = fixture.repository().load_index({true, ""}, findings);
    if (loaded.adopted->objects().empty()) continue;
    const BackupResult next = run_backup(fixture.repository(), fixture.pool(),
                                         options_for(source.root + "/sub"), findings);
    CHECK(next.summary.data_added < 100'000);
    Reading reading(fixture.repository());
    CHECK(reading.content(*reading.find(next.record.root, source.root + "/sub/more")) ==
          file_bytes(source.root + "/sub/more"));
    is_adopted = true;
  }
  CHECK(is_adopted);
}

TEST_CASE("two backups at once both succeed, and store little twice") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList setup;
  run_backup(fixture.repository(), fixture.pool(), options_apart(source.root), setup);
  const auto open = [&](FindingList& findings) {
    return Repository::open(fixture.faults(), Credential::from_key_file(Secret32(Bytes(32, 7))), {},
                            findings);
  };
  std::vector<FindingList> findings(2);
  std::vector<BackupResult> results(2);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const auto repository = open(findings[i]);
      ThreadPool pool(2);
      results[i] = run_backup(*repository, pool, options_apart(source.root), findings[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  fixture.repository().refresh();
  CHECK(fixture.repository().state().visible_snapshots().size() == 3);
  CHECK(results[0].summary.data_added == 0);
  CHECK(results[1].summary.data_added == 0);
}

TEST_CASE("what another session stores meanwhile is not stored twice") {
  const ScratchDir scratch;
  const std::string root = scratch / "src";
  const std::string content = noise(24'000'000, 5);
  stdfs::create_directories(root);
  write(root + "/same", content);
  RepositoryFixture fixture;
  FindingList findings;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const auto slow = Repository::open(
      fixture.faults(), Credential::from_key_file(Secret32(Bytes(32, 7))), {}, findings);
  BackupResult late;
  std::thread thread([&] {
    ThreadPool pool(2);
    BackupOptions options = options_for("");
    options.sources.clear();
    options.stream = StreamSource{ends[0], "/stream", {}};
    late = run_backup(*slow, pool, options, findings);
  });
  // More than a pipe holds: the slow session has begun when the other one does all of its work.
  const auto feed = [&](std::size_t begin, std::size_t end) {
    while (begin < end) {
      const ssize_t written = ::write(ends[1], content.data() + begin, end - begin);
      REQUIRE(written > 0);
      begin += static_cast<std::size_t>(written);
    }
  };
  feed(0, 12'000'000);
  FindingList quick;
  const BackupResult early =
      run_backup(fixture.repository(), fixture.pool(), options_for(root), quick);
  feed(12'000'000, content.size());
  ::close(ends[1]);
  thread.join();
  ::close(ends[0]);
  CHECK(early.summary.data_added_packed > content.size());
  CHECK(late.summary.data_added_packed <= 32 << 10);
  fixture.repository().refresh();
  Reading reading(fixture.repository());
  CHECK(reading.content(*reading.find(late.record.root, "/stream")) == content);
  CHECK(reading.content(*reading.find(early.record.root, root + "/same")) == content);
}

TEST_CASE("a stop ends a backup without a snapshot") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  StopFlag stop;
  stop.request(2);
  BackupOptions options = options_for(source.root);
  options.stop = &stop;
  CHECK(kind_of([&] { run_backup(fixture.repository(), fixture.pool(), options, findings); }) ==
        ErrorKind::interrupted);
  CHECK(fixture.repository().state().snapshots.empty());
}

TEST_CASE("excluded names are left out, a named source never") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options = options_for(source.root);
  options.selection.add_exclude("sub", false);
  options.sources.push_back({source.root + "/sub/deep", source.root + "/sub/deep"});
  const BackupResult result = run_backup(fixture.repository(), fixture.pool(), options, findings);
  Reading reading(fixture.repository());
  CHECK_FALSE(reading.find(result.record.root, source.root + "/sub/b.bin"));
  CHECK(reading.find(result.record.root, source.root + "/a.txt"));
  CHECK(reading.find(result.record.root, source.root + "/sub/deep/new\nline\xff"));
}

TEST_CASE("a source that is recorded as the root itself has its entries at the top") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options;
  options.sources.push_back({source.root, "/"});
  options.clock = &kLater;
  const BackupResult result = run_backup(fixture.repository(), fixture.pool(), options, findings);
  Reading reading(fixture.repository());
  CHECK(reading.content(*reading.find(result.record.root, "/a.txt")) == "hello");
  // What "/" itself is comes from the directory that is recorded as it.
  ::chmod(source.root.c_str(), 01711);
  const BackupResult changed = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK(changed.record.root.meta.mode == 01711);
  CHECK(changed.record.root.meta.inode == result.record.root.meta.inode);
  CHECK(reading.find(result.record.root, "/sub/c.txt"));
}

TEST_CASE("a stream becomes one file, and a failing producer no snapshot") {
  RepositoryFixture fixture;
  FindingList findings;
  const ScratchDir scratch;
  const std::string bytes = noise(6'000'000, 3);
  write(scratch / "stream", bytes);
  const Fd fd = open_at(AT_FDCWD, (scratch / "stream").c_str(), O_RDONLY);
  BackupOptions options;
  options.stream = StreamSource{fd.get(), "/dumps/db.sql", {}};
  options.clock = &kLater;
  const BackupResult result = run_backup(fixture.repository(), fixture.pool(), options, findings);
  Reading reading(fixture.repository());
  CHECK(reading.content(*reading.find(result.record.root, "/dumps/db.sql")) == bytes);
  options.stream->confirm = [] { throw Error(ErrorKind::failed, "the producer failed"); };
  const std::size_t snapshots = fixture.repository().state().snapshots.size();
  CHECK_THROWS_AS(run_backup(fixture.repository(), fixture.pool(), options, findings), Error);
  CHECK(fixture.repository().state().snapshots.size() == snapshots);
}

TEST_CASE("a lost pack is refilled from the live files by the next backup") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  BackupOptions options = options_for(source.root);
  const BackupResult first = run_backup(fixture.repository(), fixture.pool(), options, findings);
  for (const ObjectInfo& object : fixture.repository().store().list("packs/"))
    fixture.faults().hide(object.name);
  options.parent_root = first.record.root;
  const BackupResult second = run_backup(fixture.repository(), fixture.pool(), options, findings);
  CHECK(second.summary.data_added > 2'000'000);
  Reading reading(fixture.repository());
  CHECK(reading.content(*reading.find(second.record.root, source.root + "/a.txt")) == "hello");
}

TEST_CASE("names that no snapshot can hold are refused before anything is stored") {
  const SourceTreeFixture source;
  RepositoryFixture fixture;
  FindingList findings;
  const std::size_t objects = fixture.repository().store().list("").size();
  const auto refuses = [&](void (*change)(BackupOptions&)) {
    BackupOptions options = options_for(source.root);
    change(options);
    return kind_of([&] { run_backup(fixture.repository(), fixture.pool(), options, findings); }) ==
           ErrorKind::usage;
  };
  CHECK(refuses([](BackupOptions& o) { o.tags = {std::string(1025, 't')}; }));
  CHECK(refuses([](BackupOptions& o) { o.tags.assign(1025, "t"); }));
  CHECK(refuses([](BackupOptions& o) { o.host.assign(256, 'h'); }));
  CHECK(refuses(
      [](BackupOptions& o) { o.sources.front().recorded_path = "/a/" + std::string(256, 'n'); }));
  CHECK(refuses([](BackupOptions& o) {
    o.stream = StreamSource{-1, "/" + std::string(256, 'n'), {}};
  }));
  CHECK(fixture.repository().store().list("").size() == objects);
}
